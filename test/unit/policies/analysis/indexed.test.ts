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

/** Compares both evaluators on one random mesh; returns the codes that came up. */
function compareOn(seed: number, documentsOf: (draw: Draw) => readonly SourceDocument[]): readonly number[] {
  const draw = new Draw(seed);
  const mesh = parseMesh(documentsOf(draw), { tolerate: ['unknown-field', 'schema', 'cel', 'webhook'] });
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  const profile = draw.of([PROFILES['istio-1.31'], PROFILES['istio-1.29'], OLD]);
  const world = { mesh: mesh.value, profile, issuerKeys: new Map() };
  const decider = compile(mesh.value, profile);
  return Array.from({ length: REQUESTS_PER_SET }, (_, index) => {
    const request = parseRequest(withNames(draw, randomRequest(draw, `${seed}/${index}`)));
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
    for (let set = 0; set < SETS; set += 1) for (const code of compareOn(SEED + set, randomDocuments)) codes.add(code);
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
      for (const code of compareOn(SEED + set, randomAmbientDocuments)) codes.add(code);
    expect(
      [...codes].toSorted((a, b) => a - b),
      'every way a decision can end came up',
    ).toEqual([0, 1, 2, 10, 20, 21, 30, 31, 32, 33, 40, 41, 50, 51, 60, 61, 70, 71, 81]);
  });
});
