/** What every report of `verify` reads and says alike. */
import type { Counterexample } from '../../analysis/compare/counterexample.ts';
import type { Obligation, ObligationName } from '../../analysis/compare/obligation.ts';
import type { Verification } from '../../analysis/compare/verify.ts';
import type { SourcePlace } from '../../analysis/lint/finding.ts';
import type { ObjectPlaces } from './object-places.ts';

/** A verification with what its report needs besides. */
export interface VerificationReport {
  readonly verification: Verification;
  readonly places: ObjectPlaces;
  /** The file of the intent; null when none was given. */
  readonly intent: string | null;
}

/** What each statement says. */
export const TITLES: Readonly<Record<ObligationName, string>> = {
  'allowed-equals-declared': 'what the proxies allow is exactly what is declared',
  'undeclared-workloads-closed': 'a workload that nobody declared is closed',
  'mutual-tls-only': 'plaintext ends at the handshake',
  'declared-calls-pass-every-layer': 'declared calls pass egress, network and transport too',
  'gateway-policies-equal-declared': 'policies of gateways let in what is declared and no more, whatever routes carry',
  'network-equals-declared': 'NetworkPolicies admit every declared connection and no other',
  'egress-equals-declared': 'sidecars know the declared hosts and no other (a guard rail, not a boundary)',
  'pods-confined': 'pods are confined as declared: no root, no API token, nothing of the node',
  'identities-given-as-declared': 'SPIRE gives each identity to its own pods and to no others',
  'no-grant-expired': 'no grant has expired',
  'no-plaintext': 'no plaintext request is allowed',
  'trusted-identities-only': 'no identity of a foreign trust domain is allowed',
  'default-deny': 'every workload has a default deny, also one that nobody declared',
  'users-bring-tokens': 'user-facing calls bring a valid token, verified as declared',
  'same-under-every-profile': 'the verdicts are the same under every semantics profile',
  'no-vacuous-rule': 'every rule matches some request',
  'no-idle-rule': 'no rule is redundant, shadowed or overridden',
};

/** Where a counterexample stands: the object that decided, and the source code behind it. */
export interface Blame {
  readonly at: SourcePlace | null;
  readonly object: string | null;
  readonly sources: readonly SourcePlace[];
}

const KINDS: Readonly<Record<string, string>> = {
  'network-policy': 'NetworkPolicy',
  'request-authentication': 'RequestAuthentication',
  'peer-authentication': 'PeerAuthentication',
};

/** The line of the deciding rule or policy, else of the callee; the declaration of the grant, else what the object says. */
export function blameOf({ decided, grant, request }: Counterexample, places: ObjectPlaces): Blame {
  const kind = KINDS[decided.layer] ?? 'AuthorizationPolicy';
  const path = decided.rule === null || kind !== 'AuthorizationPolicy' ? [] : ['spec', 'rules', decided.rule];
  const callee = request['destination'] as { readonly namespace: string; readonly workload: string };
  const found =
    (decided.policy === null ? undefined : places.tryFind(kind, decided.policy, path)) ??
    places.tryFind('workload', `${callee.namespace}/${callee.workload}`);
  const declared = (grant?.declaredAt ?? []).map(placeOf);
  const sources = declared.length > 0 ? declared : decided.policy === null ? [] : (found?.sources ?? []);
  return { at: found?.at ?? null, object: found?.object ?? null, sources };
}

/** `services/order/service.ts:29` as a place. */
function placeOf(text: string): SourcePlace {
  const colon = text.lastIndexOf(':');
  const line = Number(text.slice(colon + 1));
  return colon > 0 && Number.isInteger(line) ? { file: text.slice(0, colon), line } : { file: text, line: 1 };
}

/** `a.ts:3 and b.ts:4`; of many the first two. */
export function sourcesText(sources: readonly SourcePlace[]): string {
  return sources
    .slice(0, 2)
    .map(({ file, line }) => `${file}:${line}`)
    .join(' and ');
}

/** The statement's own line: `refuted: 3 requests`. */
export function outcomeText({ status, counterexamples }: Obligation): string {
  return counterexamples.length === 0 ? status : `${status}: ${counterexamples.length} requests`;
}

/** What is allowed is compared with what; the sentence that no report may leave out. */
export const NO_INTENT = 'intent was not checked: give --intent FILE to prove that nothing else is allowed';

/** What a proof that holds only as deployed leans on; '' where it holds without help, or does not hold. */
export function helpText({ status, leansOn }: Obligation): string {
  if (leansOn.length === 0 || status === 'refuted') return '';
  return `as deployed: leans on PeerAuthentication ${leansOn.map((name) => `\`${name}\``).join(', ')}`;
}

/** What keeps a request from a proxy that lets it in; '' where nothing does. */
export function keeperText(keeper: Counterexample['keptOutBy']): string {
  if (keeper === undefined) return '';
  return `; kept from the proxy by ${keeper.layer}${keeper.policy === null ? '' : ` \`${keeper.policy}\``}`;
}
