import { describe, expect, test } from 'vitest';
import { applicable, byAge } from '#policies/analysis/attachment.ts';
import { compile, PROFILES, type Profile, parseRequest } from '#policies/analysis/index.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { encodeRequest } from '#policies/analysis/symbolic/sample.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { verifiers } from '#policies/analysis/token.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { Draw } from '../../../../support/draw.ts';
import { randomDocuments } from '../../../../support/random-mesh.ts';
import { randomRequest } from '../../../../support/random-request.ts';

const SEED = 20_261_124;
/** `MESHWRIGHT_LONG=100` makes the run a hundred times as long. */
const LONG = Number(process.env['MESHWRIGHT_LONG'] ?? 1);
const SETS = 150 * LONG;
const REQUESTS = 120;
const OLD: Profile = {
  name: 'old',
  trustDomainFields: 'unknown',
  repeatedHeaders: 'joined',
  dotSegmentParameters: 'kept',
};

/** Compares both on one random mesh; returns how many requests both decided. */
function compareOn(seed: number): { readonly decided: number; readonly unknown: number } {
  const draw = new Draw(seed);
  const mesh = parseMesh(randomDocuments(draw), { tolerate: ['unknown-field', 'schema', 'cel', 'webhook'] });
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  const profile = draw.of([PROFILES['istio-1.31'], OLD]);
  const world = { mesh: mesh.value, profile, issuerKeys: new Map() };
  const decider = compile(mesh.value, profile);
  const known = new Map<string, ReturnType<typeof symbolicOf> | undefined>();
  let [decided, unknown] = [0, 0];
  const symbolicOf = (namespace: string, name: string, port: number) => {
    const workload = mesh.value.workloads.find((each) => each.namespace === namespace && each.name === name);
    if (workload === undefined) throw new Error('no such workload');
    const { allowed } = decideAtProxy({ world, workload, port, ip: null });
    const universe = new Universe([allowed], {
      config: mesh.value.config,
      headers: profile.repeatedHeaders,
      peers: 'sets',
      identities: [],
    });
    const selected = applicable(mesh.value.requestAuthentications, mesh.value, workload).toSorted(byAge);
    const reading = {
      config: mesh.value.config,
      profile,
      verifiers: verifiers(
        selected.flatMap(({ rules }) => rules),
        new Map(),
      ),
    };
    return { universe, node: universe.node(allowed), reading };
  };
  for (let index = 0; index < REQUESTS; index += 1) {
    const request = parseRequest(randomRequest(draw, `${seed}/${index}`));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    if (request.value.caller.kind === 'workload') continue;
    const { namespace, workload, port } = request.value.destination;
    const key = `${namespace}/${workload}:${port}`;
    try {
      if (!known.has(key)) known.set(key, symbolicOf(namespace, workload, port));
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      known.set(key, undefined);
    }
    const symbolic = known.get(key);
    if (symbolic === undefined) {
      unknown += 1;
      continue;
    }
    const atoms = encodeRequest(symbolic.universe, request.value, symbolic.reading);
    const allowed = symbolic.universe.diagrams.evaluate(symbolic.node, (level) => atoms[level] ?? 0);
    const concrete = decider.forWorkload({ namespace, workload }).decide(request.value).allowed;
    if (allowed !== concrete)
      throw new Error(`seed ${seed}: symbolic ${allowed}, concrete ${concrete}: ${JSON.stringify(request.value)}`);
    decided += 1;
  }
  return { decided, unknown };
}

describe('the symbolic evaluator', () => {
  test(`equals the concrete one on random requests to ${SETS} random meshes, seeds from ${SEED}`, () => {
    const counts = Array.from({ length: SETS }, (_, set) => compareOn(SEED + set));
    const sum = (of: (count: { readonly decided: number; readonly unknown: number }) => number) =>
      counts.reduce((total, count) => total + of(count), 0);
    expect(sum(({ decided }) => decided)).toBeGreaterThan(SETS * 60);
    expect(sum(({ unknown }) => unknown)).toBeLessThan(SETS);
  });
});
