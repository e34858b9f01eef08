import { describe, expect, test } from 'vitest';
import { compile, PROFILES, type Profile, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import type { SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { Draw } from '../../../support/draw.ts';
import { randomAmbientDocuments } from '../../../support/random-ambient.ts';
import { randomDocuments } from '../../../support/random-mesh.ts';
import { randomRequest, withNames } from '../../../support/random-request.ts';

const SEED = 20_261_123;
const SETS = 500;
const REQUESTS_PER_SET = 200;
const OLD: Profile = {
  name: 'old',
  trustDomainFields: 'unknown',
  repeatedHeaders: 'joined',
  dotSegmentParameters: 'kept',
};

const CALLERS = ['td/ns/a/sa/x', 'td/ns/a/sa/y', 'td/ns/b/sa/z', 'td/ns/b/sa/x'];

/** A random request, nearly always of a caller that rules name, for one of their paths. */
function plainRequest(draw: Draw, id: string): unknown {
  const request = randomRequest(draw, id) as { readonly http: object | null };
  const http = { ...request.http, method: draw.of(['POST', 'POST', 'GET']), path: draw.of(['/s/A', '/s/B', '/s//A']) };
  return {
    ...request,
    ...draw.maybe(0.9, 'source', () => ({ principal: `spiffe://${draw.of(CALLERS)}`, ip: '10.1.2.3' })),
    ...(request.http !== null && draw.chance(0.8) ? { http } : {}),
  };
}

/** A random mesh whose rules are nearly all plain: a caller, a method, whole paths. */
function plainDocuments(draw: Draw): readonly SourceDocument[] {
  const rule = (caller: string) => ({
    ...(draw.chance(0.02)
      ? {}
      : { from: [{ source: { principals: [draw.chance(0.2) ? draw.of(CALLERS) : caller] } }] }),
    to: [
      {
        operation: {
          methods: draw.chance(0.9) ? ['POST'] : ['GET', 'POST'],
          paths: draw.some(draw.chance(0.7) ? ['/s/A', '/s/B', '/s/C'] : ['/s//A', '/s/%41', '/s/*', '/s/A'], 4),
        },
      },
    ],
    ...draw.maybe(0.1, 'when', () => [{ key: 'request.headers[h]', values: ['1'] }]),
  });
  const denied = draw.chance(0.2) ? [draw.of(CALLERS)] : [];
  const policies = [...CALLERS, ...denied].map((caller, index) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { namespace: draw.of(['a', 'b', 'istio-system']), name: `plain${index}` },
    spec: { action: index === 4 ? 'DENY' : 'ALLOW', rules: [rule(caller)] },
  }));
  const others = randomDocuments(draw).filter(
    ({ value }) => JSON.stringify(value).includes('AuthorizationPolicy') === false,
  );
  return [...others, ...policies.map((value, index) => ({ file: 'plain.yaml', index, value, lineOf: () => 1 }))];
}

/** How a random mesh and its requests are drawn. */
interface Drawn {
  readonly documents: (draw: Draw) => readonly SourceDocument[];
  readonly request: (draw: Draw, id: string) => unknown;
}

const ANYTHING: Drawn = {
  documents: randomDocuments,
  request: (draw, id) => withNames(draw, randomRequest(draw, id)),
};

/** Compares both evaluators on one random mesh; returns the codes that came up. */
function compareOn(seed: number, { documents, request: requestOf }: Drawn): readonly number[] {
  const draw = new Draw(seed);
  const mesh = parseMesh(documents(draw), { tolerate: ['unknown-field', 'schema', 'cel', 'webhook'] });
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  const profile = draw.of([PROFILES['istio-1.31'], PROFILES['istio-1.29'], OLD]);
  const world = { mesh: mesh.value, profile, issuerKeys: new Map() };
  const decider = compile(mesh.value, profile);
  return Array.from({ length: REQUESTS_PER_SET }, (_, index) => {
    const request = parseRequest(requestOf(draw, `${seed}/${index}`));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    const indexed = decider.decide(request.value);
    const naive = decideNaively(world, request.value);
    const same = indexed.code === naive.code && indexed.rule?.number === naive.rule?.number;
    const answers = [indexed, naive].map((verdict) => JSON.stringify(toAnswer(request.value, verdict)));
    if (!same || answers[0] !== answers[1])
      throw new Error(`seed ${seed}, request ${index}: indexed ${answers[0]}, naive ${answers[1]}`);
    return indexed.code;
  });
}

describe('the indexed evaluator', () => {
  test(`equals the naive one on ${SETS * REQUESTS_PER_SET} random requests, seeds from ${SEED}`, {
    timeout: 180_000,
  }, () => {
    const codes = new Set<number>();
    for (let set = 0; set < SETS; set += 1) for (const code of compareOn(SEED + set, ANYTHING)) codes.add(code);
    expect(
      [...codes].toSorted((a, b) => a - b),
      'every way a decision can end came up',
    ).toEqual([0, 1, 2, 10, 20, 21, 30, 31, 32, 33, 40, 41, 50, 51, 60, 61, 70, 71, 81]);
  });

  test(`equals the naive one on ${SETS * REQUESTS_PER_SET} random requests in ambient, seeds from ${SEED}`, {
    timeout: 180_000,
  }, () => {
    const codes = new Set<number>();
    for (let set = 0; set < SETS; set += 1)
      for (const code of compareOn(SEED + set, { ...ANYTHING, documents: randomAmbientDocuments })) codes.add(code);
    expect(
      [...codes].toSorted((a, b) => a - b),
      'every way a decision can end came up',
    ).toEqual([0, 1, 2, 10, 20, 21, 30, 31, 32, 33, 40, 41, 50, 51, 60, 61, 70, 71, 81]);
  });

  test(`equals the naive one where rules are plain, seeds from ${SEED}`, { timeout: 180_000 }, () => {
    const codes: number[] = [];
    for (let set = 0; set < SETS; set += 1)
      for (const code of compareOn(SEED + set, { documents: plainDocuments, request: plainRequest })) codes.push(code);
    expect(codes.filter((code) => code === 2).length).toBeGreaterThan(SETS);
    expect([2, 50, 51, 60, 61, 70, 71].filter((code) => !codes.includes(code))).toEqual([]);
  });
});
