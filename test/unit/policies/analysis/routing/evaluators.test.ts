import { describe, expect, test } from 'vitest';
import { passagesThrough } from '#policies/analysis/compare/passages.ts';
import { compile, PROFILES, parseRequest, type Request, toAnswer } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { BudgetExceeded } from '#policies/analysis/symbolic/diagram.ts';
import type { Formula } from '#policies/analysis/symbolic/formula.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { encodeRequest } from '#policies/analysis/symbolic/sample.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { findWorkload, type World } from '#policies/analysis/world.ts';
import { Draw } from '../../../../support/draw.ts';
import {
  GATEWAY_PORTS,
  type RouteScope,
  randomRouteObjects,
  randomRouteRequest,
} from '../../../../support/random-routes.ts';
import { meshOf } from '../../../../support/small-mesh.ts';

const SEED = 20_261_127;
/** `MESHWRIGHT_LONG=100` makes the run a hundred times as long. */
const LONG = Number(process.env['MESHWRIGHT_LONG'] ?? 1);
const REQUESTS = 60;

function randomWorld(draw: Draw, scope: RouteScope): World {
  const mesh = meshOf(...randomRouteObjects(draw, scope).map((object) => JSON.stringify(object)));
  return { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
}

function randomRequests(draw: Draw, seed: number): readonly Request[] {
  return Array.from({ length: REQUESTS }, (_, index) => {
    const request = parseRequest(randomRouteRequest(draw, `${seed}/${index}`));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    return request.value;
  });
}

/** A question put to requests, or undefined where the engine gives up. */
function tryAsk(world: World, formulas: readonly Formula[]): ((request: Request) => readonly boolean[]) | undefined {
  const { mesh, profile } = world;
  try {
    const universe = new Universe(formulas, {
      config: mesh.config,
      headers: profile.repeatedHeaders,
      peers: 'single',
      identities: [],
    });
    const nodes = formulas.map((formula) => universe.node(formula));
    return (request) => {
      const atoms = encodeRequest(universe, request, { config: mesh.config, profile, verifiers: [] });
      return nodes.map((node) => universe.diagrams.evaluate(node, (level) => atoms[level] ?? 0));
    };
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

describe('routing', () => {
  test(`is the same for both concrete evaluators on ${300 * LONG} random gateways, seeds from ${SEED}`, () => {
    const codes = new Set<number>();
    for (let set = 0; set < 300 * LONG; set += 1) {
      const draw = new Draw(SEED + set);
      const world = randomWorld(draw, 'everything');
      const decider = compile(world.mesh, world.profile);
      for (const request of randomRequests(draw, SEED + set)) {
        const indexed = decider.decide(request);
        const naive = decideNaively(world, request);
        codes.add(indexed.code);
        expect(toAnswer(request, indexed), `seed ${SEED + set}`).toEqual(toAnswer(request, naive));
      }
    }
    expect(
      [...codes].toSorted((a, b) => a - b),
      'every way to end came up',
    ).toEqual([0, 1, 2, 61, 80, 81, 82, 83]);
  });

  test(`is the same for the symbolic engine, to the end of the way, on ${150 * LONG} random gateways, seeds from ${SEED}`, () => {
    let [decided, passed, unknown] = [0, 0, 0];
    for (let set = 0; set < 150 * LONG; set += 1) {
      const draw = new Draw(SEED + set);
      const world = randomWorld(draw, 'decided');
      const decider = compile(world.mesh, world.profile);
      const gateway = findWorkload(world.mesh, { namespace: 'edge', workload: 'ingress' });
      const ports = new Map(
        GATEWAY_PORTS.map((port) => {
          const { allowed } = decideAtProxy({ world, workload: gateway, port, ip: null });
          const passages = passagesThrough(world, gateway, port);
          return [
            port,
            {
              passages,
              allows: tryAsk(world, [allowed]),
              ask: passages.map(({ through }) => tryAsk(world, [through])),
            },
          ];
        }),
      );
      for (const request of randomRequests(draw, SEED + set)) {
        const at = ports.get(request.destination.port as (typeof GATEWAY_PORTS)[number]);
        if (at === undefined) throw new Error('no such port');
        const verdict = decider.decide(request);
        const place = `seed ${SEED + set} ${JSON.stringify(toAnswer(request, verdict))} ${JSON.stringify(request.http)}`;
        if (at.allows === undefined) unknown += 1;
        else expect(at.allows(request)[0], place).toBe(verdict.allowed);
        const ends = decider
          .follow(request, verdict)
          .flatMap(({ kind, call }) =>
            call?.verdict.allowed === true
              ? [`${kind} ${call.request.destination.workload}:${call.request.destination.port}`]
              : [],
          );
        const found = at.passages.flatMap(({ forward, place: end }, index) => {
          const asked = at.ask[index];
          if (asked === undefined) unknown += 1;
          if (end === null || asked?.(request)[0] !== true) return [];
          return [`${forward.kind} ${end.workload.name}:${end.port}`];
        });
        if (at.ask.includes(undefined)) continue;
        decided += 1;
        passed += ends.length;
        expect(
          found.toSorted(),
          `${place} ${JSON.stringify(decider.follow(request, verdict).map(({ call }) => call?.request.http))}`,
        ).toEqual(ends.toSorted());
      }
    }
    expect(decided).toBeGreaterThan(3000 * LONG);
    expect(passed).toBeGreaterThan(120 * LONG);
    expect(unknown).toBeLessThan(decided / 10);
  });
});
