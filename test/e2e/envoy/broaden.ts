/** Variety beyond the meshes of the unit tests: shapes that only a real API server, istiod and Envoy can judge. */
import type { Draw } from '../../support/draw.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import { extensionProviders } from './provider.ts';

type Json = Readonly<Record<string, unknown>>;

const conditions: readonly (readonly [key: string, values: readonly string[]])[] = [
  ['request.headers[:authority]', ['x.a', 'X.A:80', '*.a', 'x.*', '*']],
  ['request.headers[:method]', ['POST', 'G*', '*T', '*', 'post']],
  ['request.headers[:path]', ['/s/A?q=1', '*q=1', '/s/*', '*']],
  ['request.headers[X-Odd.Name_1]', ['1', '1*', '*2', '*', 'é', 'a b']],
  ['request.headers[user-agent]', ['one', 'two*', '*']],
  ['request.headers[cookie]', ['a=1', 'a=1; b=2', '*b=2', '*']],
  ['request.headers[authorization]', ['*', 'Bearer *', 'none']],
  ['request.headers[x-from-token]', ['u', 'r', 'r w', '*', 'forged']],
  ['request.headers[content-type]', ['application/grpc', 'application/*', '*']],
  ['request.auth.claims[permission]', ['r', 'w*', '*', 'r w']],
  ['request.auth.claims[sub]', ['u', 'v', '*', '*u']],
  ['request.auth.claims[aud]', ['r', 'w', '*']],
  ['request.auth.claims[x.y]', ['r', 'r*', '*']],
  ['request.auth.claims[a][b][c]', ['deep', '*']],
  ['request.auth.claims[odd "key"]', ['r', '*']],
  ['request.auth.audiences', ['r', '*', 'http://r', 'w*']],
  ['request.auth.presenter', ['r', '*', 'r*', '*r']],
  ['connection.sni', ['outbound_.80_._.x.a', '*.a', '*', 'outbound*', 'X']],
  ['source.principal', ['td/ns/*', 'old/ns/a/sa/x', '*/ns/a/sa/x', 'spiffe://td/ns/a/sa/x']],
  ['source.namespace', ['a*', '*', 'b', 'a*b']],
  ['source.trustDomain', ['td', '*d', 'o*', 'cluster.local']],
  ['destination.port', ['8000', '9000', '0', '65535']],
  ['experimental.envoy.filters.envoy.filters.http.rbac[k]', ['v', '[v]', '*']],
  ['destination.name', ['x']],
  ['destination.labels[app]', ['x']],
  ['request.headers', ['1']],
];

const targets: readonly (readonly object[])[] = [
  [{ kind: 'Service', name: 'x' }],
  [
    { kind: 'Service', name: 'x' },
    { kind: 'Service', name: 'y' },
  ],
  [{ group: 'networking.istio.io', kind: 'ServiceEntry', name: 'x' }],
  [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'x' }],
  [{ group: 'gateway.networking.k8s.io', kind: 'GatewayClass', name: 'istio-waypoint' }],
  [{ kind: 'Pod', name: 'x' }],
];

function condition(draw: Draw): object {
  const [key, values] = draw.of(conditions);
  return {
    key,
    ...draw.maybe(0.75, 'values', () => draw.some(values, 3)),
    ...draw.maybe(0.35, 'notValues', () => draw.some(values, 2)),
  };
}

function rule(draw: Draw, drawn: Json): Json {
  const { when = [] } = drawn as { readonly when?: readonly object[] };
  const more = draw.chance(0.3) ? { when: [...when, ...draw.list(2, () => condition(draw))] } : {};
  const emptied = draw.chance(0.03) ? { [draw.of(['from', 'to', 'when'])]: [] } : {};
  return { ...drawn, ...more, ...emptied };
}

function authorization(draw: Draw, spec: Json): Json {
  const { rules = [], action, ...rest } = spec as { readonly rules?: readonly Json[]; readonly action?: string };
  const { selector: _selector, targetRefs: _targets, ...bare } = rest as Json;
  const attached = draw.chance(0.06) ? { ...bare, targetRefs: draw.of(targets) } : rest;
  const named = action === 'ALLOW' && draw.chance(0.3) ? {} : { action };
  return { ...attached, ...named, ...(draw.chance(0.05) ? {} : { rules: rules.map((each) => rule(draw, each)) }) };
}

const modes = ['STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET'];

function peer(draw: Draw, spec: Json): Json {
  const { mtls, ...rest } = spec;
  const ports = draw.some(['8000', '9000', '7000', '6000', '5000', '80', '0', '65536'], 3);
  const portLevelMtls = () => Object.fromEntries(ports.map((port) => [port, { mode: draw.of(modes) }]));
  return {
    ...rest,
    ...(draw.chance(0.1) ? {} : { mtls: draw.chance(0.05) ? {} : mtls }),
    ...draw.maybe('selector' in spec ? 0.4 : 0.05, 'portLevelMtls', portLevelMtls),
  };
}

function jwtRule(draw: Draw, drawn: Json): Json {
  return {
    ...drawn,
    ...draw.maybe(0.2, 'forwardOriginalToken', () => draw.chance(0.7)),
    ...draw.maybe(0.1, 'outputPayloadToHeader', () => draw.of(['x-payload', 'x-from-token'])),
    ...draw.maybe(0.2, 'outputClaimToHeaders', () => [
      {
        header: draw.of(['x-from-token', 'h', 'X-From-Token']),
        claim: draw.of(['sub', 'scope', 'role', 'a.b', 'aud', 'none']),
      },
    ]),
    ...draw.maybe(0.05, 'fromParams', () => [draw.of(['token', 'access_token'])]),
    ...draw.maybe(0.05, 'fromCookies', () => ['token']),
    ...draw.maybe(0.05, 'fromHeaders', () => [
      draw.of([
        { name: 'authorization' },
        { name: 'Authorization', prefix: 'Bearer' },
        { name: 'authorization', prefix: 'Bearer ' },
      ]),
      { name: 'x-token' },
    ]),
    ...draw.maybe(0.1, 'timeout', () => draw.of(['5s', '1ms', '0s', '1h'])),
    ...draw.maybe(0.1, 'spaceDelimitedClaims', () => draw.some(['role', 'sub', 'aud', 'scope', 'a'], 2)),
  };
}

function authentication(draw: Draw, spec: Json): Json {
  const { jwtRules = [] } = spec as { readonly jwtRules?: readonly Json[] };
  return { ...spec, jwtRules: jwtRules.map((each) => jwtRule(draw, each)) };
}

/** The same policy with more of what its kind can hold. */
export function broadened(draw: Draw, policy: KubernetesObject): KubernetesObject {
  const spec = policy['spec'] as Json;
  switch (policy.kind) {
    case 'AuthorizationPolicy': {
      const dryRun = { 'istio.io/dry-run': draw.of(['true', 'false', 'TRUE', '1', 'yes', '']) };
      const { annotations, ...metadata } = policy.metadata;
      // The webhook refuses dry-run on CUSTOM, and istiod has no meaning for it: it stays with the gates.
      const isCustom = spec['action'] === 'CUSTOM';
      const annotated = isCustom ? {} : { annotations: draw.chance(0.05) ? dryRun : (annotations ?? {}) };
      return { ...policy, metadata: { ...metadata, ...annotated }, spec: authorization(draw, spec) };
    }
    case 'PeerAuthentication':
      return { ...policy, spec: peer(draw, spec) };
    case 'RequestAuthentication':
      return { ...policy, spec: authentication(draw, spec) };
    default:
      return policy;
  }
}

/** Twins of some policies: the same once more, or the same rules with the opposite action or in another namespace. */
export function twins(draw: Draw, policies: readonly KubernetesObject[]): readonly KubernetesObject[] {
  return policies
    .filter(() => draw.chance(0.12))
    .map((policy) => {
      const { name, namespace = '' } = policy.metadata;
      const elsewhere = draw.chance(0.3) ? draw.of(['a', 'b', 'istio-system']) : namespace;
      const spec = policy['spec'] as Json;
      const opposite = spec['action'] === 'DENY' ? 'ALLOW' : 'DENY';
      const isOpposed = policy.kind === 'AuthorizationPolicy' && spec['action'] !== 'CUSTOM' && draw.chance(0.5);
      const metadata = { ...policy.metadata, name: `twin-${name}`, namespace: elsewhere };
      return { ...policy, metadata, spec: isOpposed ? { ...spec, action: opposite } : spec };
    });
}

/** Mesh settings: trust domain with aliases, normalization, and which external authorizers are declared. */
export function settingsOf(draw: Draw, drawn: Json): Json {
  const [trustDomain, ...aliases] = draw.of([
    ['td'],
    ['td', 'old'],
    ['td', 'old'],
    ['td', 'old', 'older'],
    ['td', 'cluster.local'],
    ['old', 'td'],
    ['cluster.local', 'td'],
  ]);
  const { pathNormalization, ...rest } = drawn;
  return {
    ...rest,
    trustDomain,
    trustDomainAliases: aliases,
    ...(draw.chance(0.05)
      ? {}
      : { pathNormalization: draw.chance(0.1) ? { normalization: 'DEFAULT' } : pathNormalization }),
    extensionProviders: draw.of([extensionProviders, extensionProviders, extensionProviders.slice(0, 1), []]),
    // No filter of Istio's own build is needed.
    defaultProviders: {},
  };
}
