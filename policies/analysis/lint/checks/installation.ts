/** How the mesh is installed: settings of the control plane, its open ports, what init containers need. Source: threats.md 6 and 7. */
import type { Labels, NetworkPolicy, Workload } from '../../../language/mesh.ts';
import type { Cursor } from '../../../language/parse-cursor.ts';
import { undeclaredWorkload } from '../../compare/destinations.ts';
import { admitsPort, isolating } from '../../network.ts';
import { atDocument, atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

/** A setting of an IstioOperator, in the place where its chart reads it. */
function* operators(
  { kinds }: Context,
  test: (spec: Cursor) => { readonly message: string; readonly at: Cursor } | undefined,
): Generator<Sighting> {
  for (const operator of kinds.get('IstioOperator') ?? []) {
    const found = test(operator.get('spec'));
    if (found !== undefined) yield atDocument(operator, found.message, found.at);
  }
}

const allowsAny = (context: Context) =>
  (function* (): Generator<Sighting> {
    yield* operators(context, (spec) => {
      const mode = spec.get('meshConfig', 'outboundTrafficPolicy', 'mode');
      return mode.text('ALLOW_ANY') === 'ALLOW_ANY'
        ? { message: 'outboundTrafficPolicy is ALLOW_ANY: sidecars let hosts pass that nobody declared', at: mode }
        : undefined;
    });
    for (const sidecar of context.mesh.sidecars)
      if (sidecar.outboundMode === 'ALLOW_ANY')
        yield atObject('Sidecar', sidecar, 'outboundTrafficPolicy is ALLOW_ANY: hosts pass that nobody declared');
  })();

const legacyTokens = (context: Context) =>
  operators(context, (spec) => {
    const policy = spec.get('values', 'global', 'jwtPolicy');
    return policy.text() === 'first-party-jwt'
      ? {
          message: 'jwtPolicy is first-party-jwt: tokens without audience and without end prove identities',
          at: policy,
        }
      : undefined;
  });

const privilegedInit = (context: Context) =>
  operators(context, (spec) => {
    const cni = spec.get('components', 'cni', 'enabled');
    const isOn = cni.isTrue() || spec.get('values', 'pilot', 'cni', 'enabled').isTrue() || isAmbient(spec);
    return isOn || spec.get('values', 'istio_cni', 'enabled').isTrue()
      ? undefined
      : {
          message: 'istio-cni is not installed: every pod needs an init container with NET_ADMIN and NET_RAW',
          at: cni,
        };
  });

const isAmbient = (spec: Cursor) => spec.get('profile').text() === 'ambient';

const fullImages = (context: Context) =>
  operators(context, (spec) => {
    const variant = spec.get('values', 'global', 'variant');
    const isSlim = variant.text() === 'distroless' || spec.get('tag').text().includes('distroless');
    return isSlim
      ? undefined
      : { message: 'the images are not the distroless ones: they carry a shell and a libc', at: variant };
  });

/** Settings under which a gateway believes what its clients say of themselves. */
const trusting = (context: Context) =>
  (function* (): Generator<Sighting> {
    yield* operators(context, (spec) => believed(spec.get('meshConfig', 'defaultConfig', 'gatewayTopology')));
    for (const workload of context.mesh.workloads) {
      const text = workload.annotations['proxy.istio.io/config'] ?? '';
      if (/forwardClientCertDetails:\s*"?'?(ALWAYS_FORWARD_ONLY|APPEND_FORWARD|FORWARD_ONLY)/.test(text))
        yield atObject(
          workload.kind,
          workload,
          'forwardClientCertDetails keeps the x-forwarded-client-cert that a client sends',
        );
    }
  })();

function believed(topology: Cursor): { readonly message: string; readonly at: Cursor } | undefined {
  const details = topology.get('forwardClientCertDetails');
  if (['ALWAYS_FORWARD_ONLY', 'APPEND_FORWARD', 'FORWARD_ONLY'].includes(details.text()))
    return {
      message: `forwardClientCertDetails is ${details.text()}: a client's own x-forwarded-client-cert is kept`,
      at: details,
    };
  const proxies = topology.get('numTrustedProxies');
  return (proxies.number() ?? 0) > 0
    ? {
        message: `numTrustedProxies is ${proxies.text()}: with fewer proxies in front, clients choose their address`,
        at: proxies,
      }
    : undefined;
}

/** Plaintext configuration and debugging of istiod. */
const OPEN_PORTS = [15010, 8080];

const isControlPlane = ({ labels }: { readonly labels: Labels }): boolean =>
  labels['app'] === 'istiod' || labels['istio'] === 'pilot';

const selectsControlPlane = ({ namespace, podSelector }: NetworkPolicy, { mesh }: Context): boolean =>
  namespace === mesh.config.rootNamespace && isControlPlane(podSelector);

const named = (workload: Workload) => `\`${workload.namespace}/${workload.name}\``;

function* openPorts(context: Context): Generator<Sighting> {
  const { mesh } = context;
  for (const workload of mesh.workloads.filter(isControlPlane)) {
    if (isolating(mesh, workload, 'ingress').length === 0)
      yield atObject(
        workload.kind,
        workload,
        `no NetworkPolicy keeps pods from ports ${OPEN_PORTS.join(' and ')} of ${named(workload)}`,
      );
  }
  for (const policy of mesh.networkPolicies) {
    if (!selectsControlPlane(policy, context) || policy.ingress.kind !== 'isolated') continue;
    const { rules } = policy.ingress;
    const target = undeclaredWorkload(policy.namespace);
    const open = OPEN_PORTS.filter((port) => rules.some((rule) => admitsPort(rule, { target, port })));
    if (open.length > 0)
      yield atObject(
        'NetworkPolicy',
        policy,
        `admits port ${open.join(' and ')} of istiod, which neither encrypts nor asks who calls`,
      );
  }
}

const debugOn = (context: Context) =>
  operators(context, (spec) => {
    const debug = spec.get('values', 'pilot', 'env', 'ENABLE_DEBUG_ON_HTTP');
    return debug.text('true') === 'false' || spec.get('components', 'pilot', 'enabled').value === false
      ? undefined
      : {
          message: 'ENABLE_DEBUG_ON_HTTP is not off: port 8080 of istiod tells its configuration to whoever asks',
          at: debug,
        };
  });

function* signingKeys({ kinds }: Context): Generator<Sighting> {
  for (const map of [...(kinds.get('ConfigMap') ?? []), ...(kinds.get('Kiali') ?? [])]) {
    const texts = map
      .get('data')
      .entries()
      .map(([, value]) => value.text());
    const own = map.get('spec', 'login_token', 'signing_key').text();
    if (own === 'kiali' || texts.some((text) => /^\s*signing_key:\s*["']?kiali["']?\s*$/m.test(text)))
      yield atDocument(map, 'the signing key of Kiali is the published one', map.get('data'));
  }
}

/** Checks of the installation. */
export const INSTALLATION: readonly MeshCheck[] = [
  {
    code: 'mesh/outbound-allow-any',
    severity: 'warning',
    title: 'sidecars let unknown hosts pass',
    resolution:
      'With ALLOW_ANY whatever is not declared leaves the mesh unseen and without mTLS. Set `outboundTrafficPolicy: {mode: REGISTRY_ONLY}` and declare the hosts that are needed as ServiceEntries. It is a guard rail for well-behaved programs; the boundary is a NetworkPolicy for egress, best through an egress gateway.',
    find: allowsAny,
  },
  {
    code: 'mesh/first-party-tokens',
    severity: 'error',
    title: 'identities are proved with unbound tokens',
    resolution:
      'A first-party token has no audience and does not expire: whoever reads it once can take the identity for good, also towards the API server. Leave `values.global.jwtPolicy` at `third-party-jwt`, whose tokens are bound to the pod and to istiod.',
    find: legacyTokens,
  },
  {
    code: 'mesh/privileged-init',
    severity: 'warning',
    title: 'pods need an init container with NET_ADMIN',
    resolution:
      'Without istio-cni the container `istio-init` of every pod rewrites the rules of its network, for which it needs NET_ADMIN and NET_RAW, so that no namespace of the mesh can enforce the Pod Security Standard `restricted`. Install istio-cni (`components.cni.enabled`, `values.pilot.cni.enabled`), or use ambient.',
    find: privilegedInit,
  },
  {
    code: 'mesh/full-image',
    severity: 'note',
    title: 'the images of the mesh carry a shell',
    resolution:
      'Istio publishes every image also in a distroless variant, without shell and package manager: less to patch, and nothing to work with for whoever gets in. Set `values.global.variant: distroless`.',
    find: fullImages,
  },
  {
    code: 'mesh/trusts-client-headers',
    severity: 'warning',
    title: 'a gateway believes headers of its clients',
    resolution:
      'With `forwardClientCertDetails` that forwards, the gateway keeps an `x-forwarded-client-cert` that a client made up; with `numTrustedProxies` it counts back in `x-forwarded-for`, which clients fill where fewer proxies stand in front; and what comes from inside may set `x-envoy-…` (CVE-2024-45806). Use SANITIZE_SET, and the exact number of proxies, with a NetworkPolicy that admits those alone.',
    find: trusting,
  },
  {
    code: 'controlplane/open-port',
    severity: 'warning',
    title: 'ports of istiod that ask nobody are reachable',
    resolution:
      'Port 15010 serves the configuration of every proxy in plaintext, port 8080 the debugging endpoints, which told other namespaces what they hold (CVE-2026-31838). Proxies need 15012 and the API server 15017 alone: let a NetworkPolicy for istiod admit these.',
    find: openPorts,
  },
  {
    code: 'controlplane/debug-on',
    severity: 'warning',
    title: 'the debugging endpoints of istiod are on',
    resolution:
      'By default istiod serves `/debug` on port 8080: configuration of all proxies, endpoints, and more, across namespaces (CVE-2026-31838). Set the variable ENABLE_DEBUG_ON_HTTP of pilot to `false`; `istioctl` reaches the same through the authenticated port.',
    find: debugOn,
  },
  {
    code: 'mesh/default-signing-key',
    severity: 'error',
    title: 'Kiali signs with the published key',
    resolution:
      'Who knows the key makes a session of any user; the value `kiali` was the default until CVE-2020-1764. Let the operator generate one, or give 16, 24 or 32 random bytes from a Secret.',
    find: signingKeys,
  },
];
