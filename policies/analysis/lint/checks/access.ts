/** Who may write the objects that the mesh obeys, as roles and their bindings say. Source: threats.md 6.13, 6.32, 6.33. */
import type { Cursor } from '../../../language/parse-cursor.ts';
import { parseNamed } from '../../../language/parse-traffic.ts';
import { atDocument, atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

/** Resources by API group: those that decide who may call whom or change the proxy itself. */
const DECIDING: Readonly<Record<string, readonly string[]>> = {
  'security.istio.io': ['authorizationpolicies', 'peerauthentications', 'requestauthentications'],
  'networking.istio.io': ['envoyfilters', 'gateways', 'proxyconfigs'],
  'extensions.istio.io': ['wasmplugins'],
  'spire.spiffe.io': ['clusterspiffeids', 'clusterstaticentries'],
};

/** Those that lead the calls of others elsewhere. */
const ROUTING: Readonly<Record<string, readonly string[]>> = {
  'networking.istio.io': ['virtualservices', 'destinationrules', 'serviceentries', 'sidecars', 'workloadentries'],
};

const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** The resources of `wanted` that a role may write. */
function writable(role: Cursor, wanted: typeof DECIDING): readonly string[] {
  const found = role
    .get('rules')
    .items()
    .flatMap((rule) => {
      const names = (key: string) => rule.get(key).texts();
      const includes = (key: string, value: string) => names(key).includes('*') || names(key).includes(value);
      if (!WRITES.some((verb) => includes('verbs', verb))) return [];
      return Object.entries(wanted).flatMap(([group, resources]) =>
        includes('apiGroups', group) ? resources.filter((resource) => includes('resources', resource)) : [],
      );
    });
  return [...new Set(found)];
}

/** A role that writes and one holder of it. */
interface Holder {
  readonly binding: Cursor;
  readonly resources: readonly string[];
  readonly subject: Cursor;
}

function* holders({ kinds }: Context, wanted: typeof DECIDING): Generator<Holder> {
  const roles = new Map(
    ['Role', 'ClusterRole'].flatMap((kind) =>
      (kinds.get(kind) ?? []).map((role) => [keyOf(kind, role), writable(role, wanted)] as const),
    ),
  );
  for (const binding of ['RoleBinding', 'ClusterRoleBinding'].flatMap((kind) => kinds.get(kind) ?? [])) {
    const kind = binding.get('roleRef', 'kind').text();
    const name = binding.get('roleRef', 'name').text();
    const namespace = kind === 'Role' ? parseNamed(binding).namespace : '';
    const resources = name === 'cluster-admin' ? ['everything'] : roles.get(`${kind} ${namespace}/${name}`);
    if (resources === undefined || resources.length === 0) continue;
    for (const subject of binding.get('subjects').items()) yield { binding, resources, subject };
  }
}

const keyOf = (kind: string, role: Cursor) =>
  `${kind} ${kind === 'Role' ? parseNamed(role).namespace : ''}/${role.get('metadata', 'name').text()}`;

/** Groups that hold more than administrators. */
function isCrowd(subject: Cursor): boolean {
  const name = subject.get('name').text();
  return (
    subject.get('kind').text() === 'Group' &&
    (['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts'].includes(name) ||
      name.startsWith('system:serviceaccounts:'))
  );
}

/** The workload whose account a subject is. */
function workloadOf({ mesh }: Context, { binding, subject }: Holder) {
  if (subject.get('kind').text() !== 'ServiceAccount') return undefined;
  const namespace = subject.get('namespace').text(parseNamed(binding).namespace);
  const name = subject.get('name').text();
  return mesh.workloads.find((each) => each.namespace === namespace && each.serviceAccount === name);
}

function writers(wanted: typeof DECIDING) {
  return function* (context: Context): Generator<Sighting> {
    for (const holder of holders(context, wanted)) {
      const { binding, resources, subject } = holder;
      const workload = workloadOf(context, holder);
      const who = isCrowd(subject)
        ? `the group \`${subject.get('name').text()}\``
        : workload && `the workload \`${workload.namespace}/${workload.name}\``;
      if (who !== undefined) yield atDocument(binding, `${who} may write ${resources.join(', ')}`, subject);
    }
    for (const role of context.kinds.get('ClusterRole') ?? []) {
      const labels = role.get('metadata', 'labels').labels();
      const into = ['admin', 'edit', 'view'].filter(
        (each) => labels[`rbac.authorization.k8s.io/aggregate-to-${each}`] === 'true',
      );
      const resources = writable(role, wanted);
      if (into.length > 0 && resources.length > 0)
        yield atDocument(
          role,
          `whoever holds \`${into.join('` or `')}\` in a namespace may write ${resources.join(', ')} there`,
          role,
        );
    }
  };
}

function* heldTokens(context: Context): Generator<Sighting> {
  const { mesh, kinds } = context;
  const refusing = new Set(
    mesh.serviceAccounts.filter(({ mountsToken }) => !mountsToken).map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const bound = new Set(
    ['RoleBinding', 'ClusterRoleBinding']
      .flatMap((kind) => kinds.get(kind) ?? [])
      .flatMap((binding) =>
        binding
          .get('subjects')
          .items()
          .filter((subject) => subject.get('kind').text() === 'ServiceAccount')
          .map(
            (subject) =>
              `${subject.get('namespace').text(parseNamed(binding).namespace)}/${subject.get('name').text()}`,
          ),
      ),
  );
  for (const workload of mesh.workloads) {
    const account = `${workload.namespace}/${workload.serviceAccount}`;
    if (refusing.has(account) || bound.has(account) || !workload.looseEnds.includes('the API token is mounted'))
      continue;
    yield atObject(
      workload.kind,
      workload,
      `the pods of \`${workload.namespace}/${workload.name}\` get a token for the API server, and no role is bound to \`${account}\``,
    );
  }
}

/** Checks of rights at the API server. */
export const ACCESS: readonly MeshCheck[] = [
  {
    code: 'rbac/policy-writers',
    severity: 'error',
    title: 'others than administrators write what decides',
    resolution:
      'Whoever writes AuthorizationPolicies, PeerAuthentications or RequestAuthentications sets the rules; an EnvoyFilter or WasmPlugin takes them out of a proxy (ISTIO-SECURITY-2026-006); a `jwksUri` makes istiod call what its author likes (ISTIO-SECURITY-2026-003); a Gateway opens a door; a SPIRE registration gives an identity away. Bind such roles to administrators and to the account that deploys, never to workloads, to groups that hold everybody, or through aggregation to `edit`.',
    find: writers(DECIDING),
  },
  {
    code: 'rbac/route-writers',
    severity: 'warning',
    title: 'others than administrators write routes of the mesh',
    resolution:
      'A VirtualService, DestinationRule or ServiceEntry of any namespace applies, unless its `exportTo` limits it, to the calls of all others, and can lead them through a stranger (ISTIO-SECURITY-2026-002). Let tenants write Gateway API routes instead, which belong to their Service, and keep these kinds to administrators.',
    find: writers(ROUTING),
  },
  {
    code: 'identity/idle-api-token',
    severity: 'note',
    title: 'a pod carries an API token without a use',
    resolution:
      'The token proves the identity of the account towards the API server, and no role is bound to the account, so the program cannot need it, while a thief can try it. Set `automountServiceAccountToken: false` on the pod template; sidecars have a token of their own for istiod. `meshwright verify` holds whole namespaces to this where the intent lists them as confined.',
    find: heldTokens,
  },
];
