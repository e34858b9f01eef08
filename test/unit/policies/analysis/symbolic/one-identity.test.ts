import { describe, expect, test } from 'vitest';
import { PROFILES } from '#policies/analysis/index.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import { all, type Formula, holds, not, some } from '#policies/analysis/symbolic/formula.ts';
import { oneIdentityShowsSurplus, oneIdentityTellsApart } from '#policies/analysis/symbolic/one-identity.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import type { PeerPattern } from '#policies/language/authorization.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { Draw } from '../../../../support/draw.ts';
import { PORTS, randomDocuments } from '../../../../support/random-mesh.ts';

const SEED = 20_261_127;
const MESHES = 160;
const PAIRS = 6000;

/** What some ports of a random mesh decide, with the first of their policies' worlds for all. */
function decisionsOf(draw: Draw): { readonly mesh: Mesh; readonly decisions: readonly Formula[] } {
  const parsed = parseMesh(randomDocuments(draw), { tolerate: ['unknown-field', 'schema', 'cel', 'webhook'] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const mesh = parsed.value;
  const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
  const decisions = mesh.workloads.flatMap((workload) =>
    PORTS.slice(0, 3).flatMap((port) => {
      const { allowed, unhelped } = decideAtProxy({ world, workload, port, ip: null });
      return [allowed, unhelped];
    }),
  );
  return { mesh, decisions };
}

/** Whether some request is in both formulas and not the other way round; undefined where that takes too much. */
function tryCompare(mesh: Mesh, [one, other]: readonly [Formula, Formula], peers: 'single' | 'sets') {
  try {
    const universe = new Universe([one, other, holds({ on: 'certificate' })], {
      config: mesh.config,
      headers: 'individual',
      peers,
      identities: [],
      budget: 60_000,
    });
    const { diagrams } = universe;
    const [left, right] = [universe.node(one), universe.node(other)];
    const possible = universe.possible();
    const isEmpty = (node: number) => diagrams.and(node, possible) === diagrams.never;
    return { equal: isEmpty(diagrams.xor(left, right)), within: isEmpty(diagrams.minus(left, right)) };
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

const named = (value: string): PeerPattern => ({ kind: 'principal', pattern: { kind: 'exact', value } });
const peer = (value: string) => holds({ on: 'peer', pattern: named(`spiffe://td/${value}`) });
const handshake = holds({
  on: 'uri',
  pattern: { kind: 'principal', pattern: { kind: 'prefix', value: 'spiffe://td/' } },
});
const foreign = holds({ on: 'peer', pattern: named('spiffe://elsewhere/a') });
const anyOfTd = holds({
  on: 'peer',
  pattern: { kind: 'principal', pattern: { kind: 'prefix', value: 'spiffe://td/' } },
});
const certificate = holds({ on: 'certificate' });
const post = holds({ on: 'method', pattern: { kind: 'exact', value: 'POST' } });

const mesh = (() => {
  const parsed = parseMesh([]);
  if (!parsed.ok) throw new Error('an empty mesh');
  return parsed.value;
})();

/** A formula over a few callers, as rules and handshakes put them together. */
function drawn(draw: Draw, depth: number): Formula {
  if (depth === 0 || draw.chance(0.2)) return draw.of([peer('a'), peer('b'), anyOfTd, foreign, post, certificate]);
  if (draw.chance(0.25)) return all([handshake, drawn(draw, depth - 1)]);
  if (draw.chance(0.15)) return not(drawn(draw, depth - 1));
  const parts = [drawn(draw, depth - 1), drawn(draw, depth - 1)];
  return draw.chance(0.5) ? all(parts) : some(parts);
}

interface Counts {
  equal: number;
  different: number;
  shown: number;
  needsSets: number;
}

/** Throws where one identity is said to show what it does not. */
function check(
  of: Mesh,
  both: readonly [Formula, Formula],
  { counts, at }: { readonly counts: Counts; readonly at: string },
) {
  const [single, sets] = [tryCompare(of, both, 'single'), tryCompare(of, both, 'sets')];
  if (single === undefined || sets === undefined) return;
  if (sets.equal && !single.equal) throw new Error(`${at}: one URI SAN is a set of SANs too`);
  if (oneIdentityTellsApart(both)) {
    if (single.equal !== sets.equal) throw new Error(`${at}: sets differ where one identity does not`);
    counts[single.equal ? 'equal' : 'different'] += 1;
  } else if (single.equal !== sets.equal) counts.needsSets += 1;
  if (!oneIdentityShowsSurplus(...both)) return;
  if (single.within !== sets.within) throw new Error(`${at}: sets go beyond where one identity does not`);
  counts.shown += 1;
}

describe('one identity', () => {
  test(`tells apart what sets of SANs tell apart, in pairs of decisions of ${MESHES} random meshes from seed ${SEED}`, {
    timeout: 180_000,
  }, () => {
    const counts: Counts = { equal: 0, different: 0, shown: 0, needsSets: 0 };
    for (let seed = SEED; seed < SEED + MESHES; seed += 1) {
      const draw = new Draw(seed);
      const random = decisionsOf(draw);
      for (let pair = 0; pair < 12; pair += 1) {
        const both = [draw.of(random.decisions), draw.of(random.decisions)] as const;
        check(random.mesh, both, { counts, at: `seed ${seed}, pair ${pair}` });
      }
    }
    process.stderr.write(`one identity, meshes: ${JSON.stringify(counts)}\n`);
    expect(Math.min(counts.equal, counts.different, counts.shown)).toBeGreaterThan(100);
  });

  test(`tells apart what sets tell apart in ${PAIRS} pairs of random formulas from seed ${SEED}`, () => {
    const counts: Counts = { equal: 0, different: 0, shown: 0, needsSets: 0 };
    const draw = new Draw(SEED);
    for (let pair = 0; pair < PAIRS; pair += 1)
      check(mesh, [drawn(draw, 3), drawn(draw, 3)], { counts, at: `seed ${SEED}, pair ${pair}` });
    process.stderr.write(`one identity, formulas: ${JSON.stringify(counts)}\n`);
    expect(Math.min(counts.equal, counts.different, counts.shown, counts.needsSets)).toBeGreaterThan(20);
  });

  const rows: readonly { readonly title: string; readonly decisions: readonly Formula[]; readonly tells: boolean }[] = [
    {
      title: 'rules that each name callers',
      decisions: [some([peer('a'), all([peer('b'), post])]), peer('a')],
      tells: true,
    },
    {
      title: 'the same behind one handshake',
      decisions: [all([handshake, some([peer('a'), post])]), all([handshake, peer('b')])],
      tells: true,
    },
    { title: 'two fields of one source', decisions: [all([peer('a'), peer('b')]), peer('a')], tells: false },
    { title: 'a caller that is left out', decisions: [all([peer('a'), not(peer('b'))]), peer('a')], tells: false },
    {
      title: 'a caller whom the handshake alone refuses',
      decisions: [all([handshake, foreign]), all([handshake, peer('a')])],
      tells: false,
    },
    { title: 'a handshake in one of the two', decisions: [all([handshake, peer('a')]), peer('a')], tells: false },
  ];
  test.for(rows)('$title: $tells', ({ decisions, tells }) => {
    expect(oneIdentityTellsApart(decisions)).toBe(tells);
  });
});
