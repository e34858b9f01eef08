/** How fast a request is decided through all layers: against trying the rules one by one, and as rules grow in number. */

import { connectionFacts, httpFacts, readPath } from '#policies/analysis/facts.ts';
import { compile, type Request } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { covers, type Facts, rulesOnChain } from '#policies/analysis/rules.ts';
import type { World } from '#policies/analysis/world.ts';
import { newRequests, newWorld } from './decide-world.ts';
import { type BenchResult, type Body, paired } from './paired.ts';

/** Decisions of one call of an indexed body, whatever the number of distinct requests. */
const DECISIONS = 38_400;

/** The rows of the decision benchmark. */
export async function benchDecide(): Promise<readonly BenchResult[]> {
  const thousand = prepare(1000, 64);
  const atLeast50 = { target: { kind: 'atLeast', ratio: 50 }, operations: { a: DECISIONS, b: 64 } } as const;
  const flat = { target: { kind: 'atMost', ratio: 1.5 }, operations: { a: DECISIONS, b: DECISIONS } } as const;
  return [
    await paired('decide, 1,000 rules: naive evaluator over indexed', thousand.indexed, thousand.naive, atLeast50),
    await paired(
      'decide, 1,000 rules: prepared rules one by one over indexed',
      thousand.indexed,
      thousand.oneByOne,
      atLeast50,
    ),
    await paired(
      'decide, 8 callers: AuthorizationPolicies alone over all layers',
      prepare(8, 64).indexed,
      prepare(8, 64, 'policies').indexed,
      { secondsEach: 150e-9, operations: flat.operations },
    ),
    await paired(
      'decide, indexed, 256 distinct requests: 10,000 rules over 10',
      prepare(10, 256).indexed,
      prepare(10_000, 256).indexed,
      flat,
    ),
    await paired(
      'decide, indexed, 6,400 distinct requests (more than the cache holds): 10,000 rules over 10',
      prepare(10, 6400).indexed,
      prepare(10_000, 6400).indexed,
      { operations: flat.operations },
    ),
  ];
}

interface Bodies {
  readonly indexed: Body;
  readonly naive: Body;
  /** Policies only: no transport, network or token, and the rules are prepared beforehand. */
  readonly oneByOne: Body;
}

function prepare(rules: number, count: number, layers: 'all' | 'policies' = 'all'): Bodies {
  const world = newWorld(rules, layers);
  const requests = newRequests(rules, count);
  const decider = compile(world.mesh, world.profile);
  const allowed = count - Math.floor(count / 4);
  const facts = requests.map((request) => factsOf(world, request));
  const chain = rulesOnChain(world.mesh.authorizationPolicies, 'http', world.profile);
  return {
    indexed: () => {
      for (let time = 0; time < DECISIONS / count; time += 1)
        expectAllowed(requests, allowed, (request) => decider.decide(request).allowed);
    },
    naive: () => expectAllowed(requests, allowed, (request) => decideNaively(world, request).allowed),
    oneByOne: () =>
      expectAllowed(facts, allowed, (each) => chain.some(({ rule }) => covers(rule, each, world.profile))),
  };
}

/** Decides all and compares the count, so that no body can get away with doing nothing. */
function expectAllowed<T>(values: readonly T[], expected: number, isAllowed: (value: T) => boolean): void {
  let allowed = 0;
  for (const value of values) if (isAllowed(value)) allowed += 1;
  if (allowed !== expected) throw new Error(`${allowed} requests allowed, expected ${expected}`);
}

function factsOf(world: World, request: Request): Facts {
  const identities = request.caller.kind === 'mtls' ? request.caller.identities : null;
  const connection = connectionFacts(request, identities);
  const path = readPath(request.http, world.mesh.config, world.profile);
  if (path.kind !== 'path' || request.http === null) return connection;
  return { ...connection, http: httpFacts(request.http, path, request.token?.claims ?? null) };
}
