import { describe, expect, test } from 'vitest';
import { compile, PROFILES, parseRequest, type Request, toAnswer } from '#policies/analysis/index.ts';
import { resolveListener } from '#policies/analysis/listener.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { encodeRequest } from '#policies/analysis/symbolic/sample.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { findWorkload, type World } from '#policies/analysis/world.ts';
import { Draw } from '../../../../support/draw.ts';
import { randomRouteObjects, randomRouteRequest } from '../../../../support/random-routes.ts';
import { meshOf, networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const SEED = 20_261_128;
const SETS = 120 * Number(process.env['MESHWRIGHT_LONG'] ?? 1);
const INGRESS = { namespace: 'edge', workload: 'ingress', port: 443 };

const worldOf = (...texts: readonly string[]): World => ({
  mesh: meshOf(...texts),
  profile: PROFILES['istio-1.31'],
  issuerKeys: new Map(),
});

function requestOf(parts: object): Request {
  const request = parseRequest(JSON.parse(JSON.stringify(parts)));
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  return request.value;
}

/** The verdict of all three evaluators; undefined where the engine gives up. */
function allowedBy(world: World, requests: readonly Request[]): readonly (readonly [boolean, boolean, boolean])[] {
  const decider = compile(world.mesh, world.profile);
  const ask = tryAsk(world, INGRESS.port);
  if (ask === undefined) return [];
  return requests.map((request) => {
    const [indexed, naive] = [decider.decide(request), decideNaively(world, request)];
    expect(toAnswer(request, indexed)).toEqual(toAnswer(request, naive));
    return [indexed.allowed, naive.allowed, ask(request)];
  });
}

function tryAsk(world: World, port: number): ((request: Request) => boolean) | undefined {
  const { mesh, profile } = world;
  const workload = findWorkload(mesh, INGRESS);
  const { allowed } = decideAtProxy({ world, workload, port, ip: null });
  try {
    const scope = { config: mesh.config, headers: profile.repeatedHeaders, peers: 'single', identities: [] } as const;
    const universe = new Universe([allowed], scope);
    const node = universe.node(allowed);
    return (request) => {
      const atoms = encodeRequest(universe, request, { config: mesh.config, profile, verifiers: [] });
      return universe.diagrams.evaluate(node, (level) => atoms[level] ?? 0);
    };
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

const server = (name: string, protocol: string, mode: string, hosts: readonly string[]) => ({
  port: { number: 443, name, protocol },
  tls: { mode, ...(mode === 'SIMPLE' || mode === 'MUTUAL' ? { credentialName: name } : {}) },
  hosts,
});
const SERVERS = {
  closed: server('closed', 'HTTPS', 'ISTIO_MUTUAL', ['closed.example']),
  open: server('open', 'HTTPS', 'SIMPLE', ['open.example']),
  pass: server('pass', 'TLS', 'PASSTHROUGH', ['pass.example']),
  auto: server('auto', 'TLS', 'AUTO_PASSTHROUGH', ['*.b.svc.cluster.local']),
};
const ROUTES = networkingYaml('VirtualService', 'b', {
  hosts: ['closed.example', 'open.example', 'pass.example'],
  gateways: ['edge/gateway'],
  http: [{ route: [{ destination: { host: 'y', port: { number: 80 } } }] }],
  tls: [{ match: [{ sniHosts: ['pass.example'] }], route: [{ destination: { host: 'y', port: { number: 70 } } }] }],
});
const SUBSETS = networkingYaml('DestinationRule', 'b', { host: 'y', subsets: [{ name: 'v1', labels: { app: 'y' } }] });

const gatewayWith = (servers: readonly object[], ...more: readonly string[]) =>
  worldOf(
    workloadYaml('edge', 'ingress'),
    workloadYaml('b', 'y'),
    networkingYaml('Gateway', 'edge', { selector: { app: 'ingress' }, servers }),
    ROUTES,
    SUBSETS,
    ...more,
  );

const call = (host: string, sni = host, source: object = {}) =>
  requestOf({ source, destination: INGRESS, sni, http: { method: 'GET', path: '/x', host } });
const MESH_CALLER = { principal: 'spiffe://cluster.local/ns/a/sa/x' };
const auto = (subset: string) => `outbound_.80_.${subset}_.y.b.svc.cluster.local`;

const DENY_ALL = securityYaml('AuthorizationPolicy', 'edge', {});
const ONLY_X = securityYaml('AuthorizationPolicy', 'edge', { rules: [{ to: [{ operation: { paths: ['/x'] } }] }] });

describe('servers of one port', () => {
  test.for([
    { name: 'plaintext passes the server for everybody behind one for the mesh', order: ['closed', 'open'], more: [] },
    { name: 'rules on paths hold behind a server that passes TLS on', order: ['pass', 'open'], more: [ONLY_X] },
    { name: 'rules on paths hold before a server that passes TLS on', order: ['open', 'pass'], more: [ONLY_X] },
  ] as const)('are asked each on its own: $name', ({ order, more }) => {
    const world = gatewayWith(
      order.map((each) => SERVERS[each]),
      ...more,
    );
    expect(allowedBy(world, [call('open.example')])).toEqual([[true, true, true]]);
  });

  test('let nobody in without certificate where the server asks for the mesh', () => {
    for (const order of [
      [SERVERS.closed, SERVERS.open],
      [SERVERS.open, SERVERS.closed],
    ]) {
      const requests = [call('closed.example'), call('closed.example', 'closed.example', MESH_CALLER)];
      expect(allowedBy(gatewayWith(order), requests)).toEqual([
        [false, false, false],
        [true, true, true],
      ]);
    }
  });

  test('do not take HTTP rules where TLS is passed on', () => {
    const requests = [call('pass.example')];
    expect(allowedBy(gatewayWith([SERVERS.open, SERVERS.pass], ONLY_X), requests)).toEqual([[false, false, false]]);
    expect(allowedBy(gatewayWith([SERVERS.open, SERVERS.pass]), requests)).toEqual([[true, true, true]]);
  });

  test('ask no policy in mode AUTO_PASSTHROUGH, for every subset and for nothing else', () => {
    const world = gatewayWith([SERVERS.auto], DENY_ALL);
    const requests = [auto(''), auto('v1'), auto('v2'), 'other.example'].map((sni) => call('y', sni));
    expect(allowedBy(world, requests)).toEqual([
      [true, true, true],
      [true, true, true],
      [false, false, false],
      [false, false, false],
    ]);
  });

  test('show the destination the client’s own certificate in mode AUTO_PASSTHROUGH', () => {
    const rules = [{ from: [{ source: { principals: ['cluster.local/ns/a/sa/x'] } }] }];
    const world = gatewayWith([SERVERS.auto], securityYaml('AuthorizationPolicy', 'b', { rules }));
    const decider = compile(world.mesh, world.profile);
    const ends = [MESH_CALLER, { principal: 'spiffe://cluster.local/ns/edge/sa/ingress' }].map((source) => {
      const request = call('y', auto(''), source);
      return decider.follow(request, decider.decide(request)).map((hop) => hop.call?.verdict.allowed);
    });
    expect(ends).toEqual([[true], [false]]);
  });

  test('stand for the one that asks least where no request is at hand', () => {
    const { mesh } = gatewayWith([SERVERS.closed, SERVERS.pass, SERVERS.open]);
    expect(resolveListener(mesh, findWorkload(mesh, INGRESS), 443)).toMatchObject({
      identity: 'none',
      protocol: 'http',
    });
  });
});

const MODES = ['SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL', 'PASSTHROUGH', 'AUTO_PASSTHROUGH'] as const;

interface Drawn {
  readonly kind?: string;
  readonly spec?: { readonly servers?: readonly { readonly tls?: { readonly mode?: string } }[] };
}

/** Random gateways, the servers of port 443 in any mode. */
function anyModes(draw: Draw, object: Drawn): object {
  const servers = object.kind === 'Gateway' ? object.spec?.servers : undefined;
  if (servers === undefined) return object;
  const drawn = servers.map((each) => {
    if (each.tls?.mode === undefined) return each;
    const mode = draw.of(MODES);
    const protocol = mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH' ? 'TLS' : draw.of(['HTTPS', 'HTTPS', 'TLS']);
    return {
      ...each,
      port: { number: 443, name: `s-${draw.integer(1000)}`, protocol },
      tls: { mode, ...credential(mode) },
    };
  });
  return { ...object, spec: { ...object.spec, servers: drawn } };
}

const credential = (mode: string): object => (mode === 'SIMPLE' || mode === 'MUTUAL' ? { credentialName: 'c' } : {});

test(`all evaluators agree on ${SETS} random gateways whose servers differ, seeds from ${SEED}`, () => {
  const seen = new Map<boolean, number>();
  for (let set = 0; set < SETS; set += 1) {
    const draw = new Draw(SEED + set);
    const objects = randomRouteObjects(draw, 'decided').map((object) => anyModes(draw, object));
    const world = worldOf(...objects.map((object) => JSON.stringify(object)));
    const requests = Array.from({ length: 40 }, (_, index) => {
      const { destination, ...drawn } = randomRouteRequest(draw, `${index}`) as { readonly destination: object };
      const source = draw.chance(0.5) ? { source: { principal: 'spiffe://td/ns/a/sa/x' } } : {};
      return requestOf({ ...drawn, ...source, destination: { ...destination, port: 8443 } });
    });
    const ask = tryAsk(world, 8443);
    const decider = compile(world.mesh, world.profile);
    for (const request of requests) {
      const [indexed, naive] = [decider.decide(request), decideNaively(world, request)];
      expect(toAnswer(request, indexed), `seed ${SEED + set}`).toEqual(toAnswer(request, naive));
      if (ask !== undefined)
        expect(ask(request), `seed ${SEED + set} ${JSON.stringify(toAnswer(request, naive))}`).toBe(naive.allowed);
      seen.set(naive.allowed, (seen.get(naive.allowed) ?? 0) + 1);
    }
  }
  for (const count of seen.values()) expect(count).toBeGreaterThan(SETS);
});
