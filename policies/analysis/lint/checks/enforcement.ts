/** Where policies exist and no proxy enforces them. Source: semantics.md 3.1, 3.12, 10, 12. */
import { isAmbient, isInMesh } from '../../ambient/capture.ts';
import { attachedToWaypoints } from '../../ambient/waypoints.ts';
import { applicable } from '../../attachment.ts';
import { injectionOf } from '../../injection.ts';
import { interceptsNothing, listed } from '../../interception.ts';
import { atObject, type Context, inPolicy, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

function* withoutSidecar({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    if (isInMesh(mesh, workload)) continue;
    const policies = applicable(mesh.authorizationPolicies, mesh, workload);
    const also = policies.length === 0 ? '' : `; ${policies.length} AuthorizationPolicies select it in vain`;
    yield atObject(
      workload.kind,
      workload,
      `\`${workload.namespace}/${workload.name}\` has no sidecar (injection off or host network): nothing of the mesh is enforced${also}`,
    );
  }
}

const EXCLUSIONS = [
  'excludeInboundPorts',
  'excludeOutboundPorts',
  'excludeOutboundIPRanges',
  'excludeInterfaces',
] as const;

/** `*` and nothing at all redirect everything; anything else redirects no more than it says. */
const INCLUSIONS = ['includeInboundPorts', 'includeOutboundIPRanges'] as const;

function* exclusions({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    for (const exclusion of EXCLUSIONS) {
      const items = listed(workload, `traffic.sidecar.istio.io/${exclusion}`);
      if (items.length > 0)
        yield atObject(
          workload.kind,
          workload,
          `${exclusion} ${items.join(', ')}: this traffic of \`${workload.namespace}/${workload.name}\` passes no proxy`,
        );
    }
    for (const inclusion of INCLUSIONS) {
      const only = workload.annotations[`traffic.sidecar.istio.io/${inclusion}`]?.trim() ?? '*';
      if (only !== '*')
        yield atObject(
          workload.kind,
          workload,
          `${inclusion} \`${only}\`: all other traffic of \`${workload.namespace}/${workload.name}\` passes no proxy`,
        );
    }
    if (interceptsNothing(workload))
      yield atObject(
        workload.kind,
        workload,
        `interception mode NONE: no traffic of \`${workload.namespace}/${workload.name}\` passes its proxy`,
      );
  }
}

function* unstated({ mesh }: Context): Generator<Sighting> {
  for (const workload of mesh.workloads) {
    if (injectionOf(mesh, workload) === 'unstated' && !isAmbient(mesh, workload))
      yield atObject(
        workload.kind,
        workload,
        `no label says that \`${workload.namespace}/${workload.name}\` gets a sidecar`,
      );
  }
}

function* targetRefs({ mesh, policies }: Context): Generator<Sighting> {
  const atWaypoints = new Set(attachedToWaypoints(mesh, mesh.authorizationPolicies));
  for (const written of policies) {
    const { attachment } = written.policy;
    if (attachment.kind === 'targetRefs' && written.workloads.length === 0 && !atWaypoints.has(written.policy))
      yield inPolicy(
        written,
        `targetRefs to ${attachment.refs.map(({ kind, name }) => `${kind} \`${name}\``).join(', ')}: no waypoint or gateway enforces it, and sidecars ignore the policy`,
        written.document,
      );
  }
}

function* customProviders({ mesh, policies }: Context): Generator<Sighting> {
  const known = new Set(mesh.config.extensionProviders.filter(({ kind }) => kind !== 'other').map(({ name }) => name));
  for (const written of policies) {
    const { action } = written.policy;
    if (action.kind === 'CUSTOM' && !known.has(action.provider))
      yield inPolicy(
        written,
        `provider \`${action.provider}\` is not among the extension providers of the mesh settings: its rules deny`,
        written.document.get('spec', 'provider'),
      );
  }
}

/** Checks of enforcement. */
export const ENFORCEMENT: readonly MeshCheck[] = [
  {
    code: 'enforcement/no-sidecar',
    severity: 'warning',
    title: 'a workload has no sidecar',
    resolution:
      'Injection is switched off, or the pod uses the host network: neither mTLS, tokens nor AuthorizationPolicies are enforced for it, and as a caller it has no identity. Remove `sidecar.istio.io/inject: "false"`; if it must stay, isolate the pod with NetworkPolicies and suppress the finding with the reason.',
    find: withoutSidecar,
  },
  {
    code: 'enforcement/excluded-traffic',
    severity: 'warning',
    title: 'traffic is excluded from the proxy',
    resolution:
      'Excluded inbound ports are open to whoever reaches the pod, excluded outbound ports and ranges leave it without identity and past every Sidecar. Remove the annotation, or close the hole with a NetworkPolicy and say why in a suppression.',
    find: exclusions,
  },
  {
    code: 'enforcement/injection-unstated',
    severity: 'note',
    title: 'nothing says whether a sidecar is injected',
    resolution:
      'Neither the pod template nor its namespace says whether a sidecar is injected, so every verdict about the workload assumes one. Put `istio-injection: enabled` on the Namespace, or `sidecar.istio.io/inject: "true"` on the pod template.',
    find: unstated,
  },
  {
    code: 'authz/target-refs-on-sidecar',
    severity: 'error',
    title: 'a policy is attached to something that sidecars ignore',
    resolution:
      'A policy with `targetRefs` counts at waypoints and Gateway API gateways only. Sidecars ignore it entirely, it does not become namespace-wide. Use a `selector` for workloads with sidecars.',
    find: targetRefs,
  },
  {
    code: 'authz/custom-provider-missing',
    severity: 'error',
    title: 'a CUSTOM policy names an unknown provider',
    resolution:
      'The mesh settings have no external authorization provider of that name, and Istio then denies everything the rules match. Declare it under `extensionProviders`, or correct the name.',
    find: customProviders,
  },
];
