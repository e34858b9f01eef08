/** Writes what `verify` found, as text and as JSON. */
import type { Counterexample } from '../../analysis/compare/counterexample.ts';
import type { Obligation, ObligationName } from '../../analysis/compare/obligation.ts';
import type { Verification } from '../../analysis/compare/verify.ts';
import type { SourceDocument } from '../../language/document.ts';

/** A verification with what its report needs besides. */
export interface VerificationReport {
  readonly verification: Verification;
  /** The lines of the annotation `meshwright.dev/source`, by `namespace/name` of the policy. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  /** The file of the intent; null when none was given. */
  readonly intent: string | null | undefined;
}

const ANNOTATION = 'meshwright.dev/source';

/** Where AuthorizationPolicies say they were written, by `namespace/name`. */
export function policySources(documents: readonly SourceDocument[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { value } of documents) {
    const object = value as {
      readonly kind?: unknown;
      readonly metadata?: {
        readonly namespace?: string;
        readonly name?: string;
        readonly annotations?: Readonly<Record<string, unknown>>;
      };
    } | null;
    const annotation = object?.metadata?.annotations?.[ANNOTATION];
    if (object?.kind !== 'AuthorizationPolicy' || typeof annotation !== 'string') continue;
    found.set(`${object.metadata?.namespace ?? 'default'}/${object.metadata?.name ?? ''}`, annotation.split('\n'));
  }
  return found;
}

/** Where the declaration behind a counterexample stands: that of its grant, else the lines of the deciding policy. */
function sourceOf({ decided, grant }: Counterexample, sources: VerificationReport['sources']): readonly string[] {
  if (grant !== null && grant.declaredAt.length > 0) return grant.declaredAt;
  return decided.policy === null ? [] : (sources.get(decided.policy) ?? []).slice(0, 1);
}

const TITLES: Readonly<Record<ObligationName, string>> = {
  'allowed-equals-declared': 'what the proxies allow is exactly what is declared',
  'undeclared-workloads-closed': 'a workload that nobody declared is closed',
  'mutual-tls-only': 'plaintext ends at the handshake',
  'declared-calls-pass-every-layer': 'declared calls pass egress, network and transport too',
  'network-equals-declared': 'NetworkPolicies admit every declared connection and no other',
  'egress-equals-declared': 'sidecars know the declared hosts and no other (a guard rail, not a boundary)',
  'no-grant-expired': 'no grant has expired',
  'no-plaintext': 'no plaintext request is allowed',
  'trusted-identities-only': 'no identity of a foreign trust domain is allowed',
  'default-deny': 'every workload has a default deny, also one that nobody declared',
  'no-vacuous-rule': 'every rule matches some request',
};

/** The report for people. */
export function verificationText(report: VerificationReport): string {
  const { verification, intent } = report;
  const lines = verification.obligations.flatMap((obligation) => obligationLines(obligation, report.sources));
  const universe = `${verification.workloads} workloads, ${verification.ports} ports, ${verification.grants} grants`;
  lines.push('', universe);
  lines.push('universe: any identity of one URI SAN, none, any port, method, path, host, header, address and token');
  for (const left of verification.notChecked) lines.push(`not checked: ${left}`);
  if (intent == null) lines.push('intent was not checked: give --intent FILE to prove that nothing else is allowed');
  return `${lines.join('\n')}\n`;
}

const SHOWN = 12;

function obligationLines(obligation: Obligation, sources: VerificationReport['sources']): readonly string[] {
  const lines = [`${obligation.status.padEnd(11)} ${TITLES[obligation.name]}`];
  for (const assumption of obligation.assumptions) lines.push(`  assuming ${assumption}`);
  for (const found of obligation.counterexamples.slice(0, SHOWN)) lines.push(...counterexampleLines(found, sources));
  const more = obligation.counterexamples.length - SHOWN;
  if (more > 0) lines.push(`  and ${more} more (--format json shows all)`);
  for (const note of obligation.notes) lines.push(`  note: ${note}`);
  return lines;
}

function counterexampleLines(found: Counterexample, sources: VerificationReport['sources']): readonly string[] {
  const { cell, expected, decided, differsIn, request, change } = found;
  const nearness = differsIn.length === 0 ? '' : ` (a declared call but for: ${differsIn.join(', ')})`;
  const declaredAt = sourceOf(found, sources);
  return [
    `  ${cell}: expected ${expected}, got ${decided.verdict}${nearness}`,
    `    ${change}`,
    `    ${decided.because}`,
    ...(declaredAt.length === 0
      ? []
      : [`    ${found.expected === 'allow' ? 'declared at' : 'see'} ${declaredAt.join(' and ')}`]),
    `    request: ${JSON.stringify(request)}`,
  ];
}

/** The report for programs, version 1. */
export function verificationJson({ verification, sources, intent }: VerificationReport): string {
  const obligations = verification.obligations.map((obligation) => ({
    ...obligation,
    title: TITLES[obligation.name],
    counterexamples: obligation.counterexamples.map((found) => ({ ...found, source: sourceOf(found, sources) })),
  }));
  return `${JSON.stringify({ version: 1, intentChecked: intent != null, ...verification, obligations }, null, 2)}\n`;
}
