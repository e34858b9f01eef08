/**
 * Proves that pods are confined where the intent says so: the workloads that grants name, the accounts they run under,
 * and the labels by which namespaces refuse other pods. Pods that somebody else installs are theirs to confine.
 */
import type { Labels, Mesh, Workload } from '../../language/mesh.ts';
import type { Intent } from './intent.ts';
import { Ledger, type Obligation } from './obligation.ts';
import type { VerifyOptions } from './verify.ts';

const LEVELS = ['enforce', 'audit', 'warn'] as const;

/** The obligation, where an intent declares confinement. */
export function checkConfinement(
  mesh: Mesh,
  intent: Intent,
  { only = () => true }: VerifyOptions,
): readonly Obligation[] {
  const { confined } = intent;
  if (confined.length === 0) return [];
  const ledger = new Ledger();
  const fail = (note: string) => {
    ledger.failed = true;
    ledger.notes.add(note);
  };
  const isNamed = namedBy(intent);
  const workloads = mesh.workloads.filter((each) => confined.includes(each.namespace) && isNamed(each));
  for (const { namespace, name, at, looseEnds } of workloads.filter((each) => only(each.namespace, each.name)))
    for (const end of looseEnds) fail(`\`${namespace}/${name}\` (${at.file}:${at.line}): ${end}`);
  for (const { namespace, name, at, mountsToken } of mesh.serviceAccounts)
    if (mountsToken && workloads.some((each) => each.namespace === namespace && each.serviceAccount === name))
      fail(`pods of the account \`${namespace}/${name}\` (${at.file}:${at.line}) get an API token unless they refuse`);
  for (const { name, labels, at } of mesh.namespaces.filter((each) => confined.includes(each.name)))
    for (const level of LEVELS.filter((each) => podSecurityOf(labels, each) !== 'restricted'))
      fail(`namespace \`${name}\` (${at.file}:${at.line}) does not ${level} the Pod Security Standard \`restricted\``);
  return [ledger.close('pods-confined')];
}

/** Whether a workload is called by some grant, or runs under an account that calls; those of others are left out. */
export function namedBy({ grants, pods }: Intent): (workload: Workload) => boolean {
  const callees = new Set<string>();
  const accounts = new Set<string>();
  for (const { caller, callee } of grants) {
    if (callee.kind === 'workload') callees.add(`${callee.namespace}/${callee.workload}`);
    if (caller.kind === 'identity') accounts.add(`${caller.namespace}/${caller.serviceAccount}`);
  }
  for (const { namespace, workload, serviceAccount } of pods) {
    callees.delete(`${namespace}/${workload}`);
    accounts.delete(`${namespace}/${serviceAccount}`);
  }
  return ({ namespace, name, serviceAccount }) =>
    callees.has(`${namespace}/${name}`) || accounts.has(`${namespace}/${serviceAccount}`);
}

/** The Pod Security Standard that a namespace enforces, audits or warns of. */
function podSecurityOf(labels: Labels, level: (typeof LEVELS)[number]): string | undefined {
  return labels[`pod-security.kubernetes.io/${level}`];
}
