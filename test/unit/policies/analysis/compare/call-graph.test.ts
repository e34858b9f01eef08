import { describe, expect, test } from 'vitest';
import { CallGraph, KnownCalls, type Ways } from '#policies/analysis/compare/call-graph.ts';
import type { Inward } from '#policies/analysis/compare/prepared.ts';
import { Draw } from '../../../../support/draw.ts';

const SEED = Number(process.env['SEED'] ?? 5);

type Calls = ReadonlyMap<string, Inward>;

const NOBODY: Inward = { fromOutside: false, callers: [] };
/** Of every second workload the calls are known from the start. */
function graphOf(calls: Calls): CallGraph {
  const known = [...calls.values()].map((inward, place) => (place % 2 === 0 ? inward : undefined));
  return new CallGraph(new KnownCalls([...calls.keys()], known), (name) => calls.get(name) ?? NOBODY);
}

/** The meaning: from each workload in turn to those that it calls, in the order of names. */
function walked(calls: Calls): ReadonlyMap<string, readonly string[]> {
  const entries = [...calls].flatMap(([name, { fromOutside }]) => (fromOutside ? [name] : []));
  const found = new Map<string, readonly string[]>(entries.map((name) => [name, [name]]));
  for (const [caller, way] of found)
    for (const [name, { callers }] of calls)
      if (callers.includes(caller) && !found.has(name)) found.set(name, [...way, name]);
  return found;
}

const shown = (ways: Ways) => ways.reached().map((name) => [name, ways.to(name)]);

function inward(draw: Draw, names: readonly string[]): Inward {
  const callers = names.filter(() => draw.chance(2.5 / names.length));
  return { fromOutside: draw.chance(0.1), callers };
}

describe('a graph of calls', () => {
  test(`has the shortest ways of a plain walk, before and after a change (seed ${SEED})`, () => {
    const draw = new Draw(SEED);
    for (let round = 0; round < 500; round += 1) {
      const names = Array.from({ length: 1 + draw.integer(14) }, (_, index) => `n/${String.fromCharCode(97 + index)}`);
      const calls: Calls = new Map(names.map((name) => [name, inward(draw, names)]));
      const changes = new Map(
        names
          .filter(() => draw.chance(0.2))
          .map((name) => [name, { was: calls.get(name) ?? NOBODY, is: inward(draw, names) }]),
      );
      const after: Calls = new Map([...calls].map(([name, was]) => [name, changes.get(name)?.is ?? was]));
      const graph = graphOf(calls);
      const [was, is] = [graph.ways(), graph.waysAfter(changes)];
      expect(shown(was), `round ${round}`).toEqual([...walked(calls)]);
      expect(shown(is), `round ${round}, after`).toEqual([...walked(after)]);
      const gone = was.reached().filter((name) => !is.has(name));
      expect([was.beyond(is), was.beyond(graphOf(after).ways())], `round ${round}, gone`).toEqual([gone, gone]);
    }
  });

  test('leads nowhere to a workload that nobody calls, or that is not there', () => {
    const ways = graphOf(
      new Map([
        ['n/a', { fromOutside: true, callers: [] }],
        ['n/b', NOBODY],
      ]),
    ).ways();
    expect([ways.has('n/a'), ways.has('n/b'), ways.has('n/c')]).toEqual([true, false, false]);
    expect([ways.to('n/b'), ways.to('n/c')]).toEqual([[], []]);
  });
});
