/** Where policies exist and no proxy enforces them. Source: semantics.md 3.1, 3.12, 10, 12. */
import type { Workload } from '../../../language/mesh.ts';
import { applicable } from '../../attachment.ts';
import { interceptsNothing, listed } from '../../interception.ts';
import { injectionOf } from '../../listener.ts';
import { atObject, type Context, clausesOf, inPolicy, type MeshCheck, ruleAt } from '../context.ts';
import type { Sighting } from '../finding.ts';

function isAmbient({ mesh }: Context, namespace: string): boolean {
  return mesh.namespaces.some(
    ({ name, labels }) => name === namespace && labels['istio.io/dataplane-mode'] === 'ambient',
  );
}

function* withoutSidecar(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const workload of mesh.workloads) {
    if (injectionOf(mesh, workload) !== 'off' || isAmbient(context, workload.namespace)) continue;
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

function* unstated(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const workload of mesh.workloads) {
    if (injectionOf(mesh, workload) === 'unstated' && !isAmbient(context, workload.namespace))
      yield atObject(
        workload.kind,
        workload,
        `no label says that \`${workload.namespace}/${workload.name}\` gets a sidecar`,
      );
  }
}

function* targetRefs({ policies }: Context): Generator<Sighting> {
  for (const written of policies) {
    const { attachment } = written.policy;
    if (attachment.kind === 'targetRefs' && written.workloads.length === 0)
      yield inPolicy(
        written,
        `targetRefs to ${attachment.refs.map(({ kind, name }) => `${kind} \`${name}\``).join(', ')}: sidecars ignore the policy`,
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

/** One sighting for each policy that applies to an ambient workload and for which `test` has a message. */
function ambientPolicies(
  test: (written: Context['policies'][number]) => { readonly message: string; readonly rule: number } | undefined,
) {
  return function* (context: Context): Generator<Sighting> {
    const isWaypointed = (workload: Workload) => isAmbient(context, workload.namespace);
    for (const written of context.policies) {
      if (written.policy.attachment.kind === 'targetRefs' || !written.workloads.some(isWaypointed)) continue;
      const found = test(written);
      if (found !== undefined) yield inPolicy(written, found.message, ruleAt(written, found.rule));
    }
  };
}

const HTTP = new Set(['host', 'method', 'path', 'requestPrincipal', 'header', 'claim', 'sni', 'metadata']);

function* ambientDisable(context: Context): Generator<Sighting> {
  for (const policy of context.mesh.peerAuthentications)
    if (policy.mode === 'DISABLE' && isAmbient(context, policy.namespace))
      yield atObject('PeerAuthentication', policy, 'ztunnel reads DISABLE as PERMISSIVE');
}

function* hbone(context: Context): Generator<Sighting> {
  for (const policy of context.mesh.networkPolicies) {
    if (!isAmbient(context, policy.namespace) || policy.ingress.kind !== 'isolated') continue;
    const opens = policy.ingress.rules.some(
      ({ ports }) =>
        ports.kind === 'some' &&
        ports.ports.some((port) => port.kind === 'range' && port.from <= 15008 && port.to >= 15008),
    );
    if (opens)
      yield atObject(
        'NetworkPolicy',
        policy,
        'port 15008 carries every port of an ambient pod: its per-port rules are void',
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
  {
    code: 'ambient/http-field',
    severity: 'error',
    title: 'HTTP fields in a policy for an ambient workload',
    resolution:
      'ztunnel knows layer 4 only: an ALLOW rule with HTTP fields is left out (and may leave a policy that denies everything), a DENY rule of HTTP fields alone has no effect at all. Attach such rules to a waypoint with `targetRefs`, and let an L4 rule make the waypoint the only way in.',
    find: ambientPolicies(({ policy }) => {
      const rule = policy.rules.find((each) => clausesOf(each).some(({ on }) => HTTP.has(on)));
      return rule === undefined
        ? undefined
        : { rule: rule.index, message: `rule ${rule.index} names HTTP fields, which ztunnel does not see` };
    }),
  },
  {
    code: 'ambient/trust-domains-dropped',
    severity: 'error',
    title: 'ztunnel ignores trustDomains',
    resolution:
      'ztunnel drops `trustDomains` without a word, so a rule that also names something else becomes wider than written. Name whole principals instead.',
    find: ambientPolicies(({ policy }) => {
      const rule = policy.rules.find((each) =>
        clausesOf(each).some((clause) => clause.on === 'peer' && clause.field === 'trustDomain'),
      );
      return rule === undefined
        ? undefined
        : { rule: rule.index, message: `rule ${rule.index} limits trust domains, which ztunnel ignores` };
    }),
  },
  {
    code: 'ambient/disable-is-permissive',
    severity: 'warning',
    title: 'DISABLE means PERMISSIVE in ambient',
    resolution: 'ztunnel has no mode DISABLE: it reads it as PERMISSIVE. Set STRICT, or PERMISSIVE if that is meant.',
    find: ambientDisable,
  },
  {
    code: 'ambient/hbone-opens-every-port',
    severity: 'warning',
    title: 'a NetworkPolicy opens 15008 in an ambient namespace',
    resolution:
      'In ambient all traffic of a pod arrives on port 15008, so opening it (which the mesh needs) makes every per-port rule of NetworkPolicies void. Limit the peers of that rule, and rely on AuthorizationPolicies for ports.',
    find: hbone,
  },
];
