/** Names that lead nowhere: principals, accounts, namespaces, selectors, hosts. */

import type { Named, Workload } from '../../../language/mesh.ts';
import { parseNamespace } from '../../../language/parse-pattern.ts';
import { podOf } from '../../ambient/waypoints.ts';
import { holdsLabels, selects } from '../../attachment.ts';
import { acceptsPeer } from '../../matching.ts';
import { inNamespace } from '../../namespaced.ts';
import { hostOf, isHostPattern } from '../../outbound.ts';
import { atObject, type Context, entriesOf, inPolicy, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

function* unknownPrincipals(context: Context): Generator<Sighting> {
  const { mesh, accounts } = context;
  const domains = [mesh.config.trustDomain, ...mesh.config.trustDomainAliases, ...mesh.config.certificateTrustDomains];
  for (const { written, entry, text } of entriesOf(context, ['principals'])) {
    const [domain = '', ns, namespace = '', sa, account = '', ...rest] = text.split('/');
    if (text.includes('*') || text.startsWith('spiffe:')) continue;
    if (ns !== 'ns' || sa !== 'sa' || account === '' || rest.length > 0) {
      yield inPolicy(written, `principal \`${text}\`: expected \`<trust domain>/ns/<namespace>/sa/<account>\``, entry);
    } else if (!domains.includes(domain) && domain !== 'cluster.local') continue;
    else if (!accounts.has(`${namespace}/${account}`)) {
      yield inPolicy(
        written,
        `principal \`${text}\`: no workload runs as \`${namespace}/${account}\` and no such ServiceAccount is declared`,
        entry,
      );
    }
  }
}

function* unknownAccounts(context: Context): Generator<Sighting> {
  for (const { written, entry, text } of entriesOf(context, ['serviceAccounts'])) {
    const [first = '', second] = text.split('/');
    const account = second === undefined ? `${written.policy.namespace}/${first}` : text;
    if (context.accounts.has(account)) continue;
    const why = second === undefined ? ' (a bare name is in the namespace of the policy)' : '';
    yield inPolicy(written, `service account \`${text}\`: no workload runs as \`${account}\`${why}`, entry);
  }
}

function* unknownNamespaces(context: Context): Generator<Sighting> {
  for (const { written, entry, text } of entriesOf(context, ['namespaces'])) {
    const pattern = parseNamespace(text);
    const known = [...context.namespaces].some((name) => acceptsPeer(pattern, `spiffe://x/ns/${name}/sa/x`));
    if (!known) yield inPolicy(written, `namespace \`${text}\`: the manifests have no such namespace`, entry);
  }
}

function* emptySelectors({ mesh, policies }: Context): Generator<Sighting> {
  const empty = (kind: string, object: Named) =>
    atObject(kind, object, `the selector of ${kind} \`${object.namespace}/${object.name}\` selects no workload`);
  for (const { policy, workloads } of policies)
    if (policy.attachment.kind === 'selector' && workloads.length === 0) yield empty('AuthorizationPolicy', policy);
  const reachable = (namespace: string) =>
    mesh.workloads.filter((workload) => namespace === mesh.config.rootNamespace || workload.namespace === namespace);
  const attached = [
    ...mesh.peerAuthentications.map((object) => ({ kind: 'PeerAuthentication', object })),
    ...mesh.requestAuthentications.map((object) => ({ kind: 'RequestAuthentication', object })),
  ];
  for (const { kind, object } of attached) {
    const { attachment } = object;
    if (
      attachment.kind === 'selector' &&
      !reachable(object.namespace).some(({ labels }) => holdsLabels(labels, attachment.labels))
    )
      yield empty(kind, object);
  }
  const waypointPods = mesh.waypoints.map((waypoint) => podOf(mesh, waypoint));
  for (const policy of mesh.networkPolicies) {
    const pods = [...inNamespace(mesh.workloads, policy.namespace), ...inNamespace(waypointPods, policy.namespace)];
    const all = policy.podSelector.expressions.length + Object.keys(policy.podSelector.labels).length === 0;
    if (!all && !pods.some(({ labels }) => selects(policy.podSelector, labels)))
      yield inNamespace(mesh.workloads, policy.namespace).length > 0 || policy.namespace !== mesh.config.rootNamespace
        ? empty('NetworkPolicy', policy)
        : { ...empty('NetworkPolicy', policy), severity: 'note' };
  }
  for (const sidecar of mesh.sidecars) {
    const { selection } = sidecar;
    if (
      selection.kind === 'labels' &&
      !inNamespace(mesh.workloads, sidecar.namespace).some(({ labels }) => holdsLabels(labels, selection.labels))
    )
      yield empty('Sidecar', sidecar);
  }
  for (const service of mesh.services) {
    const { selector } = service;
    if (
      selector.kind === 'labels' &&
      !inNamespace(mesh.workloads, service.namespace).some(({ labels }) => holdsLabels(labels, selector.labels))
    )
      yield { ...empty('Service', service), severity: 'warning' };
  }
}

function* unknownHosts({ mesh }: Context): Generator<Sighting> {
  const external = mesh.serviceEntries.flatMap(({ hosts }) => hosts);
  const hosts = [...mesh.services.map(hostOf), ...external];
  for (const rule of mesh.destinationRules) {
    const isShort = !rule.host.includes('.') && !rule.host.startsWith('*');
    const full = isShort ? hostOf({ name: rule.host, namespace: rule.namespace }) : rule.host;
    const known = hosts.some((host) => host === full || isHostPattern(full, host) || isHostPattern(host, full));
    if (!known) yield atObject('DestinationRule', rule, `host \`${rule.host}\`: no Service and no ServiceEntry has it`);
  }
}

function* missingAccounts({ mesh }: Context): Generator<Sighting> {
  const declared = new Set(mesh.serviceAccounts.map(({ namespace, name }) => `${namespace}/${name}`));
  if (declared.size === 0) return;
  for (const workload of mesh.workloads) {
    const { namespace, serviceAccount } = workload;
    if (serviceAccount !== 'default' && !declared.has(`${namespace}/${serviceAccount}`))
      yield atObject(
        workload.kind,
        workload,
        `service account \`${namespace}/${serviceAccount}\` is not among the ServiceAccounts of the manifests`,
      );
  }
}

function* sharedAccounts({ mesh }: Context): Generator<Sighting> {
  const first = new Map<string, Workload>();
  for (const workload of mesh.workloads) {
    const account = `${workload.namespace}/${workload.serviceAccount}`;
    const earlier = first.get(account);
    first.set(account, earlier ?? workload);
    if (workload.serviceAccount === 'default')
      yield atObject(
        workload.kind,
        workload,
        `\`${workload.namespace}/${workload.name}\` runs as the \`default\` account, which every other pod of the namespace may use`,
      );
    else if (earlier !== undefined)
      yield atObject(
        workload.kind,
        workload,
        `\`${workload.namespace}/${workload.name}\` shares the identity \`${account}\` with \`${earlier.name}\``,
      );
  }
}

/** Told once: it is one namespace. */
function* defaultNamespace({ mesh }: Context): Generator<Sighting> {
  const own = mesh.workloads.filter(({ namespace }) => namespace === 'default');
  const [first] = own;
  if (first !== undefined)
    yield atObject(
      first.kind,
      first,
      `${own.length} workload${own.length === 1 ? '' : 's'} in the namespace \`default\`, or in none: \`${first.name}\` for one`,
    );
}

/** Checks of names that must lead somewhere. */
export const REFERENCES: readonly MeshCheck[] = [
  {
    code: 'authz/unknown-principal',
    severity: 'error',
    title: 'a principal belongs to no workload',
    resolution:
      'The principal names an account of this trust domain that no workload runs as and no ServiceAccount declares: either it is misspelt, and the caller that was meant is refused, or whoever may create an account of that name gets the access. Correct the name or remove it. Where the rule opens only ports of the proxy itself (15020, 15021, 15090) this is a note, since monitoring is often installed apart from the manifests; for other callers from outside the manifests declare their ServiceAccount or suppress the finding with a reason.',
    find: unknownPrincipals,
  },
  {
    code: 'authz/unknown-service-account',
    severity: 'error',
    title: 'a service account belongs to no workload',
    resolution:
      'No workload runs as the account. A bare name is looked up in the namespace of the policy, and in the root namespace for policies there, which is a frequent slip: write `namespace/account`.',
    find: unknownAccounts,
  },
  {
    code: 'authz/unknown-namespace',
    severity: 'error',
    title: 'a namespace is not part of the manifests',
    resolution:
      'The value matches no namespace of the manifests. It is either misspelt, or it gives access to a namespace that somebody may create later. Correct or remove it; for callers from outside the manifests declare the Namespace.',
    find: unknownNamespaces,
  },
  {
    code: 'selector/matches-nothing',
    severity: 'error',
    title: 'a selector selects no workload',
    resolution:
      'No pod template has the labels, so the object has no effect at all: a DENY that protects nothing, an ALLOW that opens nothing, a NetworkPolicy that isolates nobody. Compare the labels with those of the pod template (not of the Deployment). A Service without pods is a warning; a NetworkPolicy for the control plane, where that is installed apart from the manifests, is a note.',
    find: emptySelectors,
  },
  {
    code: 'routing/unknown-host',
    severity: 'warning',
    title: 'a DestinationRule names a host that does not exist',
    resolution:
      'No Service and no ServiceEntry has the host, so the settings of the rule, its TLS mode included, apply to nothing. Short names are completed with the namespace of the rule, not of the Service: write the fully qualified name.',
    find: unknownHosts,
  },
  {
    code: 'identity/missing-account',
    severity: 'error',
    title: 'a workload runs as an account that is not declared',
    resolution:
      'The manifests declare ServiceAccounts, and the one of this workload is not among them: its pods will not start, or they run with an account that is managed elsewhere. Declare it next to the workload.',
    find: missingAccounts,
  },
  {
    code: 'identity/default-namespace',
    severity: 'note',
    title: 'workloads live in the namespace `default`',
    resolution:
      "A namespace is part of every identity and the reach of most policies, and `default` is where whatever names none ends up: other people's pods, tests, mistakes. Manifests without a namespace land where `kubectl` happens to point. Give the application a namespace of its own, and write it into the manifests.",
    find: defaultNamespace,
  },
  {
    code: 'identity/shared-account',
    severity: 'warning',
    title: 'workloads share one identity',
    resolution:
      'Policies know callers by service account only. Two workloads with one account, or any workload with the account `default`, cannot be told apart: what is granted to one is granted to the other. Give every workload an account of its own.',
    find: sharedAccounts,
  },
];
