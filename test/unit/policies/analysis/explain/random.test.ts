import { describe, expect, test } from 'vitest';
import { applyEdits } from '#policies/analysis/explain/edit.ts';
import { explain } from '#policies/analysis/explain/explain.ts';
import type { LayerName } from '#policies/analysis/explain/explanation.ts';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import type { SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { Draw } from '../../../../support/draw.ts';
import { randomAmbientDocuments } from '../../../../support/random-ambient.ts';
import { randomDocuments } from '../../../../support/random-mesh.ts';
import { randomRequest } from '../../../../support/random-request.ts';

const SEED = 20_261_124;
const SETS = 300;
const REQUESTS_PER_SET = 20;
const TOLERATE = { tolerate: ['unknown-field', 'schema', 'cel', 'webhook'] };

/** Which layers of an explanation a verdict's layer stands for. */
const FAMILIES: Readonly<Record<string, readonly LayerName[]>> = {
  egress: ['egress-guard'],
  'network-policy': ['source-network-policy', 'destination-network-policy'],
  'peer-authentication': ['transport'],
  'request-authentication': ['request-authentication'],
  'authorization-policy': ['custom', 'deny', 'allow'],
  routing: ['routing'],
  none: ['codec'],
};

/** Explains random requests on one random mesh; returns the deciding layers of denials and how many changes were made. */
function explainOn(
  seed: number,
  documentsOf: (draw: Draw) => readonly SourceDocument[],
): { readonly layers: readonly LayerName[]; readonly changes: number } {
  const draw = new Draw(seed);
  const documents = documentsOf(draw);
  const mesh = parseMesh(documents, TOLERATE);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  const input = {
    mesh: mesh.value,
    documents,
    parseOptions: TOLERATE,
    profile: PROFILES['istio-1.31'],
    issuerKeys: new Map(),
  };
  const layers: LayerName[] = [];
  let changes = 0;
  for (let index = 0; index < REQUESTS_PER_SET; index += 1) {
    const request = parseRequest(randomRequest(draw, `${seed}/${index}`));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    const explanation = explain(input, request.value);
    const deciding = explanation.layers.find(({ decides }) => decides)?.layer ?? 'allow';
    const { verdict, layer } = explanation.answer;
    if (verdict === 'deny' && !FAMILIES[layer]?.includes(deciding))
      throw new Error(`seed ${seed}, request ${index}: the verdict's layer is ${layer}, the explanation's ${deciding}`);
    if (verdict === 'deny') layers.push(deciding);
    for (const { edits } of explanation.changes) {
      const after = parseMesh(applyEdits(documents, edits), TOLERATE);
      if (!after.ok || !compile(after.value).decide(request.value).allowed)
        throw new Error(`seed ${seed}, request ${index}: the change does not let the call through`);
      changes += 1;
    }
  }
  return { layers, changes };
}

describe('explanations', () => {
  test.for([
    { what: 'random requests', documentsOf: randomDocuments },
    { what: 'random requests in ambient', documentsOf: randomAmbientDocuments },
  ])(
    `agree with the evaluator on ${SETS * REQUESTS_PER_SET} $what, seeds from ${SEED}, and their changes hold`,
    {
      timeout: 300_000,
    },
    ({ documentsOf }) => {
      const seen = new Set<LayerName>();
      let changes = 0;
      for (let set = 0; set < SETS; set += 1) {
        const result = explainOn(SEED + set, documentsOf);
        for (const layer of result.layers) seen.add(layer);
        changes += result.changes;
      }
      expect([...seen].toSorted()).toEqual([
        'allow',
        'codec',
        'custom',
        'deny',
        'destination-network-policy',
        'egress-guard',
        'request-authentication',
        'routing',
        'source-network-policy',
        'transport',
      ]);
      expect(changes).toBeGreaterThan(300);
    },
  );
});
