/** Default deny, NetworkPolicies and calls that only one layer stops. Source: semantics.md 9 to 11; threats.md 6. */
import type { AuthorizationPolicy } from '../../../language/authorization.ts';
import type { NetworkPolicy, Workload } from '../../../language/mesh.ts';
import { isInMesh } from '../../ambient/capture.ts';
import { applicable, isGateway } from '../../attachment.ts';
import { isolating } from '../../network.ts';
import { atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

function isAllowNothing({ action, enforcement, attachment, rules }: AuthorizationPolicy): boolean {
  return (
    action.kind === 'ALLOW' && enforcement === 'enforced' && attachment.kind === 'wholeNamespace' && rules.length === 0
  );
}

function* openWorkloads({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    if (!isInMesh(mesh, workload)) continue;
    const allows = applicable(mesh.authorizationPolicies, mesh, workload).some(
      ({ action, enforcement }) => action.kind === 'ALLOW' && enforcement === 'enforced',
    );
    if (!allows)
      yield atObject(
        workload.kind,
        workload,
        `no ALLOW policy applies to \`${workload.namespace}/${workload.name}\`: everything that no DENY rule matches is allowed`,
      );
  }
}

/** Default deny must not hang on a policy that happens to exist: an allow-nothing for each namespace, and for those to come. */
function* missingAllowNothing({ mesh }: Context): Generator<Sighting> {
  const holders = new Set(mesh.authorizationPolicies.filter(isAllowNothing).map(({ namespace }) => namespace));
  const root = mesh.config.rootNamespace;
  const occupied = new Map<string, Workload>();
  for (const workload of mesh.workloads)
    if (isInMesh(mesh, workload) && !occupied.has(workload.namespace)) occupied.set(workload.namespace, workload);
  const somewhere = [...occupied.keys()].some((namespace) => holders.has(namespace));
  for (const [namespace, workload] of occupied) {
    if (holders.has(namespace)) continue;
    if (!holders.has(root))
      yield atObject(
        workload.kind,
        workload,
        `namespace \`${namespace}\` has no allow-nothing policy, nor has the root namespace: a workload without a policy of its own is open`,
      );
    else if (somewhere)
      yield atObject(
        workload.kind,
        workload,
        `namespace \`${namespace}\` has no allow-nothing policy of its own, as other namespaces have: only the one of the root namespace closes it`,
      );
  }
  const first = mesh.authorizationPolicies.find(isAllowNothing);
  if (somewhere && !holders.has(root) && first !== undefined)
    yield atObject(
      'AuthorizationPolicy',
      first,
      `the root namespace \`${root}\` has no allow-nothing policy: a new namespace starts open`,
    );
}

function unisolated(direction: 'ingress' | 'egress') {
  return function* ({ mesh }: Context): Generator<Sighting> {
    for (const workload of mesh.workloads) {
      if (isolating(mesh, workload, direction).length === 0)
        yield atObject(
          workload.kind,
          workload,
          `no NetworkPolicy isolates \`${workload.namespace}/${workload.name}\` for ${direction}`,
        );
    }
  };
}

function* openEgress({ mesh }: Context): Generator<Sighting> {
  for (const policy of mesh.networkPolicies)
    if (hasOpenEgress(policy))
      yield atObject(
        'NetworkPolicy',
        policy,
        'an egress rule without peers and ports lets its pods reach every address',
      );
}

function hasOpenEgress({ egress }: NetworkPolicy): boolean {
  return (
    egress.kind === 'isolated' && egress.rules.some(({ peers, ports }) => peers.kind === 'all' && ports.kind === 'all')
  );
}

/** A workload whose ingress is open on the network and whose own proxy has to stop everything alone. */
function* singleLayer({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    const guarded = isInMesh(mesh, workload);
    const policies = applicable(mesh.authorizationPolicies, mesh, workload).filter(
      ({ enforcement, action }) => enforcement === 'enforced' && action.kind === 'ALLOW',
    );
    const isolated = isolating(mesh, workload, 'ingress');
    const admitsAll =
      isolated.length === 0 ||
      isolated.some(
        ({ ingress }) => ingress.kind === 'isolated' && ingress.rules.some(({ peers }) => peers.kind === 'all'),
      );
    const name = `\`${workload.namespace}/${workload.name}\``;
    if (guarded && policies.length > 0 && admitsAll && !isGateway(mesh, workload))
      yield atObject(
        workload.kind,
        workload,
        `only AuthorizationPolicies stop calls to ${name}: the network admits every pod`,
      );
    if ((!guarded || policies.length === 0) && isolated.length > 0 && !admitsAll)
      yield atObject(
        workload.kind,
        workload,
        `only NetworkPolicies stop calls to ${name}: ${guarded ? 'no ALLOW policy applies' : 'it has no sidecar'}`,
      );
  }
}

/** Checks of defence in depth. */
export const DEFENCE: readonly MeshCheck[] = [
  {
    code: 'authz/no-default-deny',
    severity: 'error',
    title: 'a workload is open by default',
    resolution:
      'Where no ALLOW policy applies, Istio allows everything that no DENY rule matches. Add an ALLOW policy without rules (`spec: {}`) to the root namespace and to every namespace, and grant single calls with further ALLOW policies.',
    find: openWorkloads,
  },
  {
    code: 'authz/default-deny-incomplete',
    severity: 'warning',
    title: 'default deny depends on other policies',
    resolution:
      'A workload is closed only as long as some ALLOW policy selects it; renaming a label or deleting that policy opens it. An allow-nothing policy (`spec: {}` with action ALLOW) in the root namespace and in every namespace closes all workloads whatever else changes.',
    find: missingAllowNothing,
  },
  {
    code: 'network/ingress-not-isolated',
    severity: 'warning',
    title: 'no NetworkPolicy limits who reaches a pod',
    resolution:
      'Only the sidecar stands between every pod of the cluster and this one; a fault there, or a port it does not intercept, leaves the pod open. Add a NetworkPolicy that isolates it for ingress and admits its declared callers.',
    find: unisolated('ingress'),
  },
  {
    code: 'network/egress-not-isolated',
    severity: 'warning',
    title: 'no NetworkPolicy limits what a pod reaches',
    resolution:
      'REGISTRY_ONLY and Sidecar resources guide the proxy, and a process that evades the proxy evades them. Only a NetworkPolicy is a boundary for what leaves a pod. Isolate it for egress and admit DNS, istiod and its declared callees.',
    find: unisolated('egress'),
  },
  {
    code: 'network/egress-open',
    severity: 'warning',
    title: 'a NetworkPolicy leaves egress open',
    resolution:
      'A rule `egress: [{}]` admits every destination on every port, so that the policy limits nothing: data can leave, and every other pod can be reached. List the destinations.',
    find: openEgress,
  },
  {
    code: 'defence/single-layer',
    severity: 'warning',
    title: 'one layer alone stops calls',
    resolution:
      'Calls to this workload that are not permitted are stopped by a single layer; one mistake in it opens the workload. Let NetworkPolicy and AuthorizationPolicy both say who may call. The exact count for each pair of workloads is the business of `meshwright reach` and `verify`.',
    find: singleLayer,
  },
];
