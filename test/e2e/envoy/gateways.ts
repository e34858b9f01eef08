/** Random Gateways and VirtualServices through the real API server, istiod and Envoy, held against `decide`. */
import { setTimeout as pause } from 'node:timers/promises';
import { compile, type Decider, PROFILES, parseRequest, type Request } from '#policies/analysis/index.ts';
import { hostOf } from '#policies/analysis/outbound.ts';
import type { Hop } from '#policies/analysis/routing/follow.ts';
import { bareHost } from '#policies/analysis/routing/hosts.ts';
import { routeNaively } from '#policies/analysis/routing/naive-route.ts';
import { connectionOf } from '#policies/analysis/routing/outcome.ts';
import { routeTableOf } from '#policies/analysis/routing/route-table.ts';
import { VERDICT_CODES } from '#policies/analysis/verdict.ts';
import { findWorkload } from '#policies/analysis/world.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { Draw } from '../../support/draw.ts';
import { GATEWAY_PORTS, randomRouteObjects, randomRouteRequest } from '../../support/random-routes.ts';
import { meshOf } from '../../support/small-mesh.ts';
import { namespaceNamed } from './control-plane.ts';
import { type GatewaySeen, sendToGateway } from './gateway-probe.ts';
import { type Arrival, GatewayUpstreams } from './gateway-upstreams.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import type { Laboratory } from './laboratory.ts';
import type { GatewayConfiguration } from './listener-source.ts';
import { createPod, podOf } from './pods.ts';
import { clusterOf, servedGateway } from './served-gateway.ts';

/** How much is run. */
export interface GatewayExtent {
  readonly sets: number;
  readonly requests: number;
  readonly seed: number;
}

/** What came of a run. */
export interface GatewayResult {
  readonly sets: number;
  readonly decisions: number;
  /** How many requests a route sent on. */
  readonly forwarded: number;
  readonly copies: number;
  /** Sets that Envoy does not serve, and requests under an assumption. */
  readonly leftOut: number;
  /** One text a disagreement. */
  readonly disagreements: readonly string[];
}

interface RouteSet {
  readonly seed: number;
  readonly objects: readonly KubernetesObject[];
  readonly mesh: Mesh;
  readonly given: GatewayConfiguration;
}

const BATCH = 10;
const MIRROR_MS = 300;
/** Kinds that are applied anew for every set; the rest is the stage. */
const APPLIED: ReadonlySet<string> = new Set(['Gateway', 'VirtualService', 'DestinationRule', 'AuthorizationPolicy']);
const NAMESPACES = ['istio-system', 'edge', 'shop', 'other'].map(namespaceNamed);

/** Runs random sets of Gateways and VirtualServices; each set is served on an address of its own. */
export async function runGateways(laboratory: Laboratory, extent: GatewayExtent): Promise<GatewayResult> {
  const upstreams = new GatewayUpstreams(laboratory.folder);
  const total = { sets: 0, decisions: 0, forwarded: 0, copies: 0, leftOut: 0, disagreements: [] as string[] };
  const pod = await setStage(laboratory, new Draw(extent.seed));
  try {
    for (let first = 0; first < extent.sets; first += BATCH) {
      const sets: RouteSet[] = [];
      for (let at = first; at < Math.min(first + BATCH, extent.sets); at += 1) {
        const set = await translate(laboratory, extent.seed + at, pod);
        if (isServable(set.mesh)) sets.push(set);
        else total.leftOut += 1;
      }
      const found = await serveAndAsk(laboratory, upstreams, { sets, requests: extent.requests });
      total.sets += sets.length;
      total.decisions += found.decisions;
      total.forwarded += found.forwarded;
      total.copies += found.copies;
      total.leftOut += found.leftOut;
      total.disagreements.push(...found.disagreements);
    }
  } finally {
    upstreams.close();
  }
  return total;
}

/** Envoy refuses a listener of two chains with one name; then nothing can be compared. */
function isServable(mesh: Mesh): boolean {
  const gateway = findWorkload(mesh, { namespace: 'edge', workload: 'ingress' });
  return GATEWAY_PORTS.every(
    (port) =>
      routeTableOf(mesh, gateway, port)?.assumptions.every((each) => !each.includes('refuses together')) ?? true,
  );
}

interface StagedPod {
  readonly pod: KubernetesObject;
  readonly ip: string;
}

/** Creates namespaces, Services and pods once; gives the gateway's pod. */
async function setStage({ server: { client } }: Laboratory, draw: Draw): Promise<StagedPod> {
  const objects = randomRouteObjects(draw, 'live') as readonly KubernetesObject[];
  for (const namespace of NAMESPACES) await client.put(namespace);
  for (const object of objects) if (object.kind === 'Service') await client.put(object);
  const pods = objects
    .filter(({ kind }) => kind === 'Deployment')
    .map((deployment, index) => ({ pod: podOf(deployment), ip: `127.5.255.${index + 1}` }));
  for (const { pod, ip } of pods) await createPod(client, pod, ip);
  const gateway = pods.find(({ pod }) => pod.metadata.name === 'ingress');
  if (gateway === undefined) throw new Error('no gateway on the stage');
  return gateway;
}

async function translate(laboratory: Laboratory, seed: number, { pod, ip }: StagedPod): Promise<RouteSet> {
  const { client } = laboratory.server;
  const drawn = randomRouteObjects(new Draw(seed), 'live') as readonly KubernetesObject[];
  const settings = drawn.find(({ kind }) => kind === 'ConfigMap');
  if (settings === undefined) throw new Error('no settings');
  await client.put(settings);
  const stored: KubernetesObject[] = [];
  for (const object of drawn.filter(({ kind }) => APPLIED.has(kind))) {
    const { status, body } = await client.create(object);
    if (status >= 300) throw new Error(`seed ${seed}: refused: ${JSON.stringify(body)}`);
    stored.push(body as KubernetesObject);
  }
  const { mesh } = settings['data'] as { readonly mesh: string };
  const wanted = JSON.parse(mesh) as {
    readonly trustDomain: string;
    readonly pathNormalization: { readonly normalization: string };
  };
  const shows = (shown: Readonly<Record<string, unknown>>) =>
    shown['trustDomain'] === wanted.trustDomain &&
    (shown['pathNormalization'] as { readonly normalization?: string } | undefined)?.normalization ===
      wanted.pathNormalization.normalization;
  await laboratory.plane.converge(stored, shows, (kind) => APPLIED.has(kind) || kind.endsWith('Authentication'));
  const given = await laboratory.listeners.fetchGateway(pod, ip);
  for (const object of stored) await client.remove(object);
  const objects = [...drawn.filter(({ kind }) => !APPLIED.has(kind)), ...stored];
  return { seed, objects, mesh: meshOf(...objects.map(withoutManaged)), given };
}

/** As YAML that anybody could decide on. */
function withoutManaged(object: KubernetesObject): string {
  const { managedFields: _fields, uid: _uid, ...metadata } = object.metadata as Record<string, unknown>;
  return JSON.stringify({ ...object, metadata });
}

interface Asked {
  readonly set: RouteSet;
  readonly request: Request;
  readonly ip: string;
  readonly id: string;
}

async function serveAndAsk(
  laboratory: Laboratory,
  upstreams: GatewayUpstreams,
  { sets, requests }: { readonly sets: readonly RouteSet[]; readonly requests: number },
) {
  const found = { decisions: 0, forwarded: 0, copies: 0, leftOut: 0, disagreements: [] as string[] };
  const named = sets.map((set, slot) => ({ set, at: { name: `g${slot}`, ip: `127.5.${slot}.11` } }));
  const clusters = await Promise.all(
    named.flatMap(({ set, at }) =>
      set.given.clusters
        .filter((name) => name.startsWith('outbound|'))
        .map((name) => upstreams.cluster(clusterOf(at, name), name)),
    ),
  );
  const envoy = await laboratory.startEnvoy('td', clusters, ({ secretFile }) =>
    named.flatMap(({ set, at }) => servedGateway(set.given, { ...at, secretFile })),
  );
  const asked = named.flatMap(({ set, at }) =>
    drawnRequests(set, requests).map(({ request, id }) => ({ set, request, id, ip: at.ip })),
  );
  const seen = new Map<string, GatewaySeen>();
  const queue = asked.values();
  const work = async () => {
    for (const each of queue) seen.set(each.id, await sendToGateway(probeOf(each)));
  };
  await Promise.all(Array.from({ length: 16 }, work));
  await pause(MIRROR_MS);
  await envoy.stop();
  const deciders = new Map(sets.map((set) => [set, compile(set.mesh)]));
  for (const each of asked) {
    const decider = deciders.get(each.set);
    const got = seen.get(each.id);
    if (decider === undefined || got === undefined) throw new Error('not asked');
    const judged = judge(decider, each, { seen: got, arrivals: upstreams.arrivals(each.id) });
    if (judged.kind === 'leftOut') found.leftOut += 1;
    else {
      found.decisions += 1;
      if (got.kind === 'answered' && got.cluster !== null) found.forwarded += 1;
      found.copies += judged.copies;
      if (judged.kind === 'disagrees') found.disagreements.push(described(each, judged.because));
    }
  }
  return found;
}

function drawnRequests(
  { seed }: RouteSet,
  count: number,
): readonly { readonly request: Request; readonly id: string }[] {
  const draw = new Draw(seed + 1_000_000);
  return Array.from({ length: count }, (_, index) => {
    const id = `${seed}-${index}`;
    const request = parseRequest(randomRouteRequest(draw, id));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    return { request: request.value, id };
  });
}

/** Clients of the TLS port name their host where the request does not state an SNI. */
function probeOf({ request, ip, id }: Asked) {
  const { port } = request.destination;
  if (request.http === null) throw new Error('only HTTP is asked');
  const named = request.sni === '' ? bareHost(request.http.host) : request.sni;
  return { id, ip, port, sni: port === 8443 ? named : null, http: request.http };
}

type Judged =
  | { readonly kind: 'agrees'; readonly copies: number }
  | { readonly kind: 'disagrees'; readonly copies: number; readonly because: string }
  | { readonly kind: 'leftOut' };

function judge(
  decider: Decider,
  { request, set }: Asked,
  { seen, arrivals }: { readonly seen: GatewaySeen; readonly arrivals: readonly Arrival[] },
): Judged {
  const verdict = decider.decide(request);
  // the codec refuses an empty authority, and where no server listens there is nothing to ask
  const isAsked = request.http?.host !== '' && verdict.code !== VERDICT_CODES.allowedUnguarded;
  if (!isAsked || verdict.assumptions.some((each) => each.includes('not decided'))) return { kind: 'leftOut' };
  const hops = decider.follow(request, verdict);
  const hosts = new Set(set.mesh.services.map(hostOf));
  const disagrees = (because: string): Judged => ({
    kind: 'disagrees',
    copies: 0,
    because: `${because}; ours: ${JSON.stringify({ ...verdict, rule: null })} ${JSON.stringify(hops.map(shownHop))}; Envoy: ${JSON.stringify(seen)} ${JSON.stringify(arrivals.map(({ cluster, path, host }) => ({ cluster, path, host })))}`,
  });
  if (!verdict.allowed) {
    const { status } = verdict;
    const same = status === null ? seen.kind === 'closed' : seen.kind === 'answered' && seen.status === status.http;
    const arrived = arrivals.length > 0;
    return same && !arrived ? { kind: 'agrees', copies: 0 } : disagrees('not forwarded');
  }
  // hosts that the manifests do not hold are assumed to be there; here they are not
  const known = hops.filter(({ host }) => hosts.has(host));
  const own = known.filter(({ kind }) => kind === 'request');
  const copies = known.filter(({ kind }) => kind === 'copy');
  if (own.length === 0)
    return seen.kind === 'answered' && seen.status === 503 ? { kind: 'agrees', copies: 0 } : disagrees('leads nowhere');
  // of several destinations one may lead nowhere, and chance picks it
  if (seen.kind === 'answered' && seen.status === 503 && mayFail(set.mesh, request))
    return { kind: 'agrees', copies: 0 };
  if (seen.kind === 'closed' || seen.cluster === null) return disagrees('forwarded');
  const arrived = arrivals.filter(({ cluster }) => cluster === seen.cluster);
  if (!own.some((hop) => arrived.some((arrival) => isAt(hop, arrival)))) return disagrees('forwarded elsewhere');
  for (const copy of copies)
    if (!arrivals.some((arrival) => isAt(copy, arrival))) return disagrees('a copy is missing');
  const expected = 1 + new Set(copies.map(({ host, port }) => `${host} ${port}`)).size;
  return arrivals.length > Math.max(expected, 1 + copies.length)
    ? disagrees('more arrives')
    : { kind: 'agrees', copies: copies.length };
}

function mayFail(mesh: Mesh, request: Request): boolean {
  const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
  const table = routeTableOf(mesh, findWorkload(mesh, request.destination), request.destination.port);
  const conclusion = table === null ? undefined : routeNaively(table, connectionOf(request, world));
  if (conclusion?.kind !== 'forwarded') return false;
  return conclusion.sendings.some(
    ({ route }) => route?.forwards.some(({ kind, target }) => kind === 'request' && target.kind !== 'service') === true,
  );
}

function isAt({ host, port, call }: Hop, arrival: Arrival): boolean {
  const [, ownPort, , ownHost] = arrival.cluster.split('|');
  if (ownHost !== host || ownPort !== String(port)) return false;
  if (call === null || call.request.http === null) return true;
  const { path, host: authority, headers } = call.request.http;
  const sameHeaders = ['x-a', 'x-b', 'x-c'].every(
    (name) => (headers.get(name)?.join(',') ?? null) === (arrival.headers[name]?.replaceAll(', ', ',') ?? null),
  );
  return arrival.path === path && arrival.host === authority && sameHeaders;
}

const shownHop = ({ kind, host, port, call }: Hop) => ({
  kind,
  host,
  port,
  http: call?.request.http && { ...call.request.http, headers: [...call.request.http.headers] },
});

function described({ set, request }: Asked, because: string): string {
  const objects = set.objects.filter(({ kind }) => ['Gateway', 'VirtualService', 'DestinationRule'].includes(kind));
  const shown = objects.map(({ kind, metadata, spec }) =>
    JSON.stringify({ kind, name: metadata.name, namespace: metadata.namespace, spec }),
  );
  const http = request.http && { ...request.http, headers: [...request.http.headers] };
  return [
    `seed ${set.seed}: ${because}`,
    `  ${JSON.stringify({ port: request.destination.port, sni: request.sni, http })}`,
    ...shown.map((line) => `  ${line}`),
  ].join('\n');
}
