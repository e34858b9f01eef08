/**
 * What a pod template leaves open of a confined pod. Confined is: the Pod Security Standard `restricted`, and besides a
 * root filesystem that nobody writes, a user and a group that the image does not choose, volumes of a group of their
 * own, and no token for the API server. What the standard lets the pod say for its containers the pod itself must say,
 * since proxies and debugging containers join it later. Source: Kubernetes, Pod Security Standards.
 */

type Json = Readonly<Record<string, unknown>>;

const NOTHING: Json = {};
const SHARES: readonly (readonly [string, string])[] = [
  ['hostNetwork', 'it shares the network of its node'],
  ['hostPID', 'it sees the processes of its node'],
  ['hostIPC', 'it shares the memory of its node'],
];

/** The loose ends of a pod's `spec`, in words; wrongly typed members count as absent. */
export function looseEndsOf(spec: unknown): readonly string[] {
  const pod = recordOf(spec);
  const context = recordOf(pod['securityContext']);
  const ends: string[] = [];
  if (pod['automountServiceAccountToken'] !== false) ends.push('the API token is mounted');
  for (const [field, words] of SHARES) if (pod[field] === true) ends.push(words);
  addIdentityEnds(ends, context, 'the pod');
  if (!isOwn(context['fsGroup'])) ends.push('the pod gives its volumes no group');
  for (const list of [pod['initContainers'], pod['containers']])
    for (const item of Array.isArray(list) ? list : []) addContainerEnds(ends, recordOf(item), context);
  return ends;
}

/** Users, groups and system calls: what a container leaves out the pod says. */
function addIdentityEnds(ends: string[], context: Json, name: string): void {
  const seccomp = recordOf(context['seccompProfile'])['type'];
  if (context['runAsNonRoot'] !== true) ends.push(`${name} may run as root`);
  if (!isOwn(context['runAsUser'])) ends.push(`${name} runs as a user of the image, or as root`);
  if (!isOwn(context['runAsGroup'])) ends.push(`${name} runs in a group of the image, or in that of root`);
  if (seccomp !== 'RuntimeDefault' && seccomp !== 'Localhost') ends.push(`${name} may make any system call`);
}

function addContainerEnds(ends: string[], container: Json, pod: Json): void {
  const name = `container \`${String(container['name'])}\``;
  const own = recordOf(container['securityContext']);
  if (own['privileged'] === true) ends.push(`${name} is privileged`);
  if (own['allowPrivilegeEscalation'] !== false) ends.push(`${name} may gain rights`);
  if (!hasNoCapabilities(recordOf(own['capabilities']))) ends.push(`${name} keeps capabilities`);
  if (own['readOnlyRootFilesystem'] !== true) ends.push(`${name} may write its root filesystem`);
  addIdentityEnds(ends, { ...pod, ...own }, name);
}

function hasNoCapabilities({ drop, add }: Json): boolean {
  const added = Array.isArray(add) ? add : [];
  return Array.isArray(drop) && drop.includes('ALL') && added.every((each) => each === 'NET_BIND_SERVICE');
}

/** A number that is not root's. */
const isOwn = (value: unknown): boolean => typeof value === 'number' && value > 0;

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : NOTHING;
}
