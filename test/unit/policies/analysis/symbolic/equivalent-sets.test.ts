/**
 * Sets of the recordings stand in the same world, each with policies of its own. Where the engine calls the decisions of
 * two sets at a port equivalent (the same diagram), istiod and Envoy gave every request that both were sent one verdict.
 */
import { expect, test } from 'vitest';
import { PROFILES } from '#policies/analysis/index.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import { testsOf } from '#policies/analysis/symbolic/formula.ts';
import { decideAtProxy, type ProxyDecision } from '#policies/analysis/symbolic/proxy.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { listedDifferences, type RecordedSet, recordedIssuerKeys, recordedSets } from '../../../../support/recorded.ts';

/** What one set decides at one port, with the verdicts that were recorded there, by request. */
interface Port {
  readonly set: string;
  readonly mesh: Mesh;
  readonly decision: ProxyDecision;
  readonly verdicts: ReadonlyMap<string, string>;
}

const issuerKeys = recordedIssuerKeys();
const profile = PROFILES['istio-1.31'];
/** Every eighth pair, all of them with `MESHWRIGHT_LONG=8`. */
const STRIDE = Math.max(1, Math.ceil(8 / Number(process.env['MESHWRIGHT_LONG'] ?? 1)));

interface Sent {
  readonly destination: { readonly namespace: string; readonly workload: string; readonly port: number };
}

/** The ports of a set by world and place. Every set had pod addresses of its own: ports that look at them are left out. */
function* portsOf(set: RecordedSet): Generator<readonly [string, Port]> {
  const { documents } = readDocuments(`${set.name}/manifests.yaml`, set.manifests);
  const parsed = parseMesh(documents, set.name.startsWith('unvalidated-') ? { tolerate: ['webhook'] } : {});
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const listed = listedDifferences(set.name);
  const byPlace = new Map<string, Map<string, string>>();
  set.verdicts.forEach(({ id, verdict }, index) => {
    if (listed.includes(id)) return;
    const { id: _id, ...request } = structuredClone(set.requests[index]) as Sent & { readonly id: string };
    const { namespace, workload, port } = request.destination;
    const place = JSON.stringify({ namespace, workload, port });
    const known = byPlace.get(place) ?? new Map<string, string>();
    byPlace.set(place, known.set(JSON.stringify({ ...request, destination: place }), verdict));
  });
  for (const [place, verdicts] of byPlace) {
    const at = JSON.parse(place) as Sent['destination'];
    const workload = parsed.value.workloads.find(
      ({ namespace, name }) => namespace === at.namespace && name === at.workload,
    );
    if (workload === undefined) throw new Error(`${set.name} lacks ${place}`);
    const world = { mesh: parsed.value, profile, issuerKeys };
    const decision = decideAtProxy({ world, workload, port: at.port, ip: null });
    if (testsOf([decision.allowed]).some((test) => test.on === 'address' && test.of === 'destination')) continue;
    yield [JSON.stringify([place, parsed.value.config]), { set: set.name, mesh: parsed.value, decision, verdicts }];
  }
}

/** Whether two decisions are the same; undefined where that takes too much. */
function areEquivalent(left: Port, right: Port): boolean | undefined {
  const [one, other] = [left.decision, right.decision];
  try {
    const universe = new Universe([one.allowed, other.allowed], {
      config: left.mesh.config,
      headers: profile.repeatedHeaders,
      peers: 'sets',
      identities: [],
      budget: 60_000,
    });
    const { diagrams } = universe;
    const differing = diagrams.xor(universe.node(one.allowed), universe.node(other.allowed));
    return diagrams.and(differing, universe.possible()) === diagrams.never;
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

const common = (left: Port, right: Port) => [...left.verdicts.keys()].filter((request) => right.verdicts.has(request));

test('sets that the engine calls equivalent have equal recorded verdicts', { timeout: 600_000 }, () => {
  const places = Map.groupBy(
    recordedSets().flatMap((set) => [...portsOf(set)]),
    ([place]) => place,
  );
  const contradicted: string[] = [];
  let [pairs, equivalent, compared] = [0, 0, 0];
  for (const group of places.values()) {
    const ports = group.map(([, port]) => port);
    ports.forEach((left, index) => {
      for (const right of ports.slice(index + 1)) {
        const requests = common(left, right);
        if (requests.length === 0) continue;
        pairs += 1;
        if (pairs % STRIDE !== 0) continue;
        if (areEquivalent(left, right) !== true) continue;
        equivalent += 1;
        for (const request of requests) {
          compared += 1;
          if (left.verdicts.get(request) !== right.verdicts.get(request))
            contradicted.push(`${left.set} and ${right.set}: ${request}`);
        }
      }
    });
  }
  process.stderr.write(`recorded sets: ${JSON.stringify({ pairs, equivalent, compared })}\n`);
  expect(contradicted).toEqual([]);
  expect(equivalent).toBeGreaterThan(100);
  expect(pairs).toBeGreaterThan(equivalent);
});
