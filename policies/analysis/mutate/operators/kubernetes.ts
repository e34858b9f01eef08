/** K1, K4 and K5: accounts and pods. K2, SPIRE, is in `registration.ts`, K3, NetworkPolicy, in `network.ts`. */
import { WORKLOAD_KINDS } from '../../../language/parse-workload.ts';
import { type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import { isMapping, type Spot } from '../spot.ts';
import { networkMutants } from './network.ts';
import { nextAfter } from './policy-text.ts';
import { registrationMutants } from './registration.ts';

const podSpecs = (materials: Materials): readonly Spot[] =>
  Object.entries(WORKLOAD_KINDS).flatMap(([kind, path]) =>
    materials.of(kind).map((workload) => workload.get(...path, 'spec')),
  );

function* sharedAccounts(materials: Materials): Iterable<Sketch> {
  for (const spec of podSpecs(materials)) {
    const account = spec.get('serviceAccountName');
    const namespace = (spec.document.value as { metadata?: { namespace?: string } }).metadata?.namespace ?? 'default';
    const accounts = materials.mesh.workloads
      .filter((workload) => workload.namespace === namespace)
      .map(({ serviceAccount }) => serviceAccount);
    const other = nextAfter([...new Set(accounts)].toSorted(), account.text()) ?? 'default';
    if (other !== account.text()) yield rewriting(account, other, `the workload runs as \`${other}\``);
  }
}

function* mountedTokens(materials: Materials): Iterable<Sketch> {
  for (const owner of [...materials.of('ServiceAccount'), ...podSpecs(materials)]) {
    const field = owner.get('automountServiceAccountToken');
    if (field.value === false) yield rewriting(field, true, 'the API token is mounted');
  }
}

/** Members of pods that keep a process in its place. */
const SECURITY_FIELDS: ReadonlySet<string> = new Set([
  'allowPrivilegeEscalation',
  'capabilities',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seccompProfile',
  'fsGroup',
]);

function* podSecurity(materials: Materials): Iterable<Sketch> {
  for (const spec of podSpecs(materials)) {
    const containers = ['initContainers', 'containers'].flatMap((list) => spec.get(list).items());
    for (const owner of [spec, ...containers])
      for (const [field, spot] of owner.get('securityContext').members())
        if (SECURITY_FIELDS.has(field)) yield rewriting(spot, undefined, `\`${field}\` was dropped`);
    if (isMapping(spec.value)) yield rewriting(spec.get('hostPID'), true, 'the pod sees the processes of its node');
  }
  for (const namespace of materials.of('Namespace'))
    for (const [key, label] of namespace.get('metadata', 'labels').members())
      if (/^pod-security\.kubernetes\.io\/(enforce|audit|warn)$/.test(key))
        yield rewriting(label, 'privileged', `\`${key}\` became privileged`);
}

/** The operators on accounts, networks and pods. */
export const KUBERNETES: readonly Operator[] = [
  operator('K1', 'an account shared', sharedAccounts),
  operator('K2', 'a SPIRE registration changed', registrationMutants),
  operator('K3', 'a NetworkPolicy changed', networkMutants),
  operator('K4', 'the API token mounted', mountedTokens),
  operator('K5', 'a pod-security field dropped', podSecurity),
];
