import { describe, expect, test } from 'vitest';
import { wayBetween, wayThrough } from '#policies/analysis/compare/way.ts';
import { compile, PROFILES, type Profile, parseRequest, type Request } from '#policies/analysis/index.ts';
import { resolveListener } from '#policies/analysis/listener.ts';
import { findWorkload, type World } from '#policies/analysis/world.ts';
import type { Waypoint } from '#policies/language/ambient.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { Draw } from '../../../../support/draw.ts';
import { randomAmbientDocuments } from '../../../../support/random-ambient.ts';
import { randomDocuments } from '../../../../support/random-mesh.ts';
import { randomRequest, withNames } from '../../../../support/random-request.ts';
import { listedDifferences, recordedIssuerKeys, recordedSets } from '../../../../support/recorded.ts';
import { SymbolicPorts } from './symbolic-port.ts';

const SEED = 20_261_124;
/** `MESHWRIGHT_LONG=100` makes the run a hundred times as long. */
const LONG = Number(process.env['MESHWRIGHT_LONG'] ?? 1);
const SETS = 25 * LONG;
const REQUESTS = 120;
/** The whole recording takes about a minute; the short run replays every eighth set. */
const STRIDE = LONG > 1 ? 1 : 8;
const OLD: Profile = {
  name: 'old',
  trustDomainFields: 'unknown',
  repeatedHeaders: 'joined',
  dotSegmentParameters: 'kept',
};

type DocumentsOf = (draw: Draw) => readonly SourceDocument[];

function randomWorld(seed: number, documentsOf: DocumentsOf): { readonly world: World; readonly draw: Draw } {
  const draw = new Draw(seed);
  const mesh = parseMesh(documentsOf(draw), { tolerate: ['unknown-field', 'schema', 'cel', 'webhook'] });
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return { world: { mesh: mesh.value, profile: draw.of([PROFILES['istio-1.31'], OLD]), issuerKeys: new Map() }, draw };
}

function randomRequests(draw: Draw, seed: number): readonly Request[] {
  return Array.from({ length: REQUESTS }, (_, index) => {
    const request = parseRequest(withNames(draw, randomRequest(draw, `${seed}/${index}`)));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    return request.value;
  });
}

/** Compares both on one random mesh; returns how many requests both decided and how many were unknown. */
function compareOn(seed: number, documentsOf: DocumentsOf): { readonly decided: number; readonly unknown: number } {
  const { world, draw } = randomWorld(seed, documentsOf);
  const decider = compile(world.mesh, world.profile);
  const ports = new SymbolicPorts(world);
  let [decided, unknown] = [0, 0];
  for (const request of randomRequests(draw, seed)) {
    const concrete = decideConcretely(world, decider, request);
    if (concrete === undefined) continue;
    const symbolic = ports.tryAllowWays(request, concrete.passing);
    if (symbolic === undefined) unknown += 1;
    else if (symbolic !== concrete.allowed)
      throw new Error(`seed ${seed}: symbolic ${symbolic}, concrete ${concrete.allowed}: ${JSON.stringify(request)}`);
    else decided += 1;
  }
  return { decided, unknown };
}

/**
 * The concrete verdict, and the request as the proxy sees it by each way. Callers given as workloads go their way through
 * all layers; those whose addresses are known are left out, since the engine takes pods' addresses as unknown.
 */
function decideConcretely(
  world: World,
  decider: ReturnType<typeof compile>,
  request: Request,
): { readonly allowed: boolean; readonly passing: (waypoint: Waypoint | null) => Request | undefined } | undefined {
  const { caller, destination } = request;
  if (caller.kind !== 'workload')
    return { allowed: decider.forWorkload(destination).decide(request).allowed, passing: () => request };
  if (request.sourceIp !== null || destination.ip !== null) return undefined;
  const source = findWorkload(world.mesh, caller.reference);
  const workload = findWorkload(world.mesh, destination);
  const to = { workload, port: destination.port, listener: resolveListener(world.mesh, workload, destination.port) };
  const identity = `spiffe://${world.mesh.config.trustDomain}/ns/${source.namespace}/sa/${source.serviceAccount}`;
  const passing = (waypoint: Waypoint | null) => {
    const way =
      waypoint === null ? wayBetween(world.mesh, source, to) : wayThrough(world.mesh, source, { ...to, waypoint });
    if (way.kind === 'closed') return undefined;
    const seen =
      way.shows === 'certificate'
        ? ({ kind: 'mtls', identities: [identity] } as const)
        : ({ kind: 'plaintext' } as const);
    return { ...request, caller: seen, http: way.shows === 'opaqueBytes' ? null : request.http };
  };
  return { allowed: decider.decide(request).allowed, passing };
}

describe('the symbolic evaluator', () => {
  test.for([
    { what: 'random meshes', sets: SETS, documentsOf: randomDocuments },
    // a waypoint that its own policies open and ztunnel refuses is rare
    { what: 'random meshes in ambient', sets: 4 * SETS, documentsOf: randomAmbientDocuments },
  ])(`equals the concrete one on random requests to $sets $what, seeds from ${SEED}`, ({ sets, documentsOf }) => {
    const counts = Array.from({ length: sets }, (_, set) => compareOn(SEED + set, documentsOf));
    const sum = (of: (count: { readonly decided: number; readonly unknown: number }) => number) =>
      counts.reduce((total, count) => total + of(count), 0);
    expect(sum(({ decided }) => decided)).toBeGreaterThan(sets * 60);
    expect(sum(({ unknown }) => unknown)).toBeLessThan(sets * 5);
  });

  test(`agrees with istiod and Envoy on every recorded request of ${STRIDE === 1 ? 'all sets' : 'every eighth set'}`, () => {
    const issuerKeys = recordedIssuerKeys();
    const wrong: string[] = [];
    let [agreed, unknown] = [0, 0];
    for (const set of recordedSets().filter((_, index) => index % STRIDE === 0)) {
      const { documents } = readDocuments(`${set.name}/manifests.yaml`, set.manifests);
      const mesh = parseMesh(documents, set.name.startsWith('unvalidated-') ? { tolerate: ['webhook'] } : {});
      if (!mesh.ok) throw new Error(mesh.problems.map(({ message }) => message).join('\n'));
      const ports = new SymbolicPorts({ mesh: mesh.value, profile: PROFILES['istio-1.31'], issuerKeys });
      const listed = listedDifferences(set.name);
      set.verdicts.forEach(({ id, verdict }, index) => {
        const request = parseRequest(set.requests[index]);
        if (!request.ok || listed.includes(id)) return;
        const symbolic = ports.tryAllow(request.value);
        if (symbolic === undefined) unknown += 1;
        else if ((symbolic ? 'allow' : 'deny') === verdict) agreed += 1;
        else wrong.push(`${set.name} ${id}: recorded ${verdict}`);
      });
    }
    expect(wrong).toEqual([]);
    expect(agreed).toBeGreaterThan(STRIDE === 1 ? 9000 : 900);
    expect(unknown).toBeLessThan(agreed / 10);
  });
});
