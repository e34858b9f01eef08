/** Turns what the prover found into violations as cdk8s reports them. */
import type { Counterexample } from '../../analysis/compare/counterexample.ts';
import type { Obligation } from '../../analysis/compare/obligation.ts';
import { CODES } from '../../analysis/lint/checks.ts';
import type { Finding } from '../../analysis/lint/finding.ts';
import type { Location, Problem } from '../../language/problem.ts';
import type { ReadMesh } from '../read-mesh.ts';
import { TITLES } from '../report/verification.ts';

/** cdk8s-cli's `ValidationViolation`; it finds the construct by the name of the resource. */
export interface Violation {
  readonly ruleName: string;
  readonly recommendation: string;
  readonly fix: string;
  readonly violatingResources: readonly {
    readonly resourceName: string;
    readonly locations: readonly string[];
    readonly manifestPath: string;
  }[];
}

/** A problem of the input: nothing could be decided. */
export function ofProblem({ code, message, at, help }: Problem): Violation {
  return {
    ruleName: code,
    recommendation: message,
    fix: help ?? 'write what the message expects',
    violatingResources: [resource('', at)],
  };
}

/** A finding of lint. */
export function ofFinding({ code, message, subject, at }: Finding): Violation {
  return {
    ruleName: code,
    recommendation: message,
    fix: CODES.find((known) => known.code === code)?.resolution ?? '',
    violatingResources: [resource(subject.name, at)],
  };
}

/** A statement that does not hold: one violation for each counterexample, else one for each note; none when it holds. */
export function ofObligation(obligation: Obligation, { mesh }: ReadMesh): readonly Violation[] {
  const { name, status, counterexamples, notes } = obligation;
  if (status === 'proved' || status === 'conditional') return [];
  const violation = (recommendation: string, fix: string, violatingResources: Violation['violatingResources']) => ({
    ruleName: `verify/${name}`,
    recommendation: `${TITLES[name]}: ${recommendation}`,
    fix,
    violatingResources,
  });
  if (counterexamples.length === 0)
    return notes.map((note) => violation(`${status}: ${note}`, 'change the object that the note names', []));
  return counterexamples.map((found) =>
    violation(
      `${found.cell}: expected ${found.expected}, got ${found.decided.verdict}`,
      `${found.change}; request: ${JSON.stringify(found.request)}`,
      [culprit(found, mesh)],
    ),
  );
}

/** The policy that decided, else the workload that was called. */
function culprit(
  { decided, request }: Counterexample,
  mesh: ReadMesh['mesh'],
): Violation['violatingResources'][number] {
  const policy = mesh.authorizationPolicies.find(({ namespace, name }) => `${namespace}/${name}` === decided.policy);
  if (policy !== undefined)
    return resource(policy.name, policy.rules.find(({ index }) => index === decided.rule)?.at ?? policy.at);
  const destination = request['destination'] as { readonly namespace: string; readonly workload: string };
  const workload = mesh.workloads.find(
    ({ namespace, name }) => namespace === destination.namespace && name === destination.workload,
  );
  return resource(destination.workload, workload?.at ?? { file: '', path: '', line: 1 });
}

function resource(resourceName: string, at: Location): Violation['violatingResources'][number] {
  const path = at.path === '' ? '' : `${at.path} `;
  return { resourceName, locations: [`${path}(line ${at.line})`], manifestPath: at.file };
}
