/** Objects of the SPIRE installation: plain data, printed as they are. */

/** One Kubernetes object. */
export interface SpireObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What every object of the installation says about itself. */
const evidence = { 'meshwright.dev/evidence': 'rendered, never run by this project' };

/** Adds the note on evidence to an object. */
export function noted(object: SpireObject): SpireObject {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...evidence } } };
}

const rbac = 'rbac.authorization.k8s.io';

/** One rule of a Role: these verbs on these resources. */
export interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Where a service account lives. */
export interface Account {
  readonly name: string;
  readonly namespace: string;
}

/** A ServiceAccount that gets no token unless a pod asks for one. */
export function account({ name, namespace }: Account): SpireObject {
  const metadata = { name, namespace };
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false };
}

/** A role and its binding to one account; in `namespace`, or in the whole cluster. */
export function access(
  name: string,
  subject: Account,
  grant: { readonly namespace?: string; readonly rules: readonly AccessRule[] },
): readonly SpireObject[] {
  const { namespace, rules } = grant;
  const prefix = namespace === undefined ? 'Cluster' : '';
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const roleRef = { apiGroup: rbac, kind: `${prefix}Role`, name };
  const subjects = [{ kind: 'ServiceAccount', name: subject.name, namespace: subject.namespace }];
  return [
    { apiVersion: `${rbac}/v1`, kind: `${prefix}Role`, metadata, rules },
    { apiVersion: `${rbac}/v1`, kind: `${prefix}RoleBinding`, metadata, roleRef, subjects },
  ];
}

/** What a container of ours may do at most. */
export const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
} as const;

/** An HTTP probe on a named port. */
export function probe(path: string, port: string, periodSeconds: number): Readonly<Record<string, unknown>> {
  return { httpGet: { path, port }, periodSeconds, timeoutSeconds: 3, failureThreshold: 3 };
}

/** A folder of the node. */
export function hostFolder(name: string, path: string, type: 'Directory' | 'DirectoryOrCreate') {
  return { name, hostPath: { path, type } };
}
