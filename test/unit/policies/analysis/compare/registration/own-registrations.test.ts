import { beforeAll, describe, expect, test } from 'vitest';
import { type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import { checkRegistrations } from '#policies/analysis/compare/registration/verify-registrations.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { changedLayers } from '#policies/analysis/mutate/layers.ts';
import type { Mutant } from '#policies/analysis/mutate/mutant.ts';
import { drawMutants } from '#policies/analysis/mutate/mutate.ts';
import { Survey } from '#policies/analysis/mutate/survey.ts';
import { Original } from '#policies/analysis/mutate/variant.ts';
import type { SourceDocument } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { documentsOf, synthesizedFolders } from '../../../../../support/synthesized.ts';

/** The manifests of the environment that SPIRE signs for, with the registrations, and what is declared. */
async function platform(withIssuer: boolean): Promise<{
  readonly documents: readonly SourceDocument[];
  readonly mesh: Mesh;
  readonly intent: Intent;
}> {
  const { files, issuer } = await synthesizedFolders('kind-spire');
  const own = [...issuer].filter(([path]) => withIssuer || path.includes('registrations'));
  const documents = documentsOf(new Map([...files, ...own]));
  const mesh = parseMesh(documents);
  const intent = parseIntent(JSON.parse(files.get('intent.json') ?? '{}'), 'intent.json');
  if (!mesh.ok || !intent.ok) throw new Error('the own manifests are refused');
  return { documents, mesh: mesh.value, intent: intent.value };
}

describe('the registrations of our own platform', () => {
  let ours: Awaited<ReturnType<typeof platform>>;
  let mutants: readonly Mutant[] = [];
  beforeAll(async () => {
    ours = await platform(false);
    const all = drawMutants({ mesh: ours.mesh, documents: ours.documents, limit: null, pairs: 0, seed: 1 });
    mutants = all.filter(({ operator }) => operator.code === 'K2');
  });

  test.for([false, true])(
    'give each identity to its own pods; settings of the issuer beside them: %s',
    async (withIssuer) => {
      const { mesh, intent } = await platform(withIssuer);
      expect(checkRegistrations(mesh, intent)).toMatchObject([{ status: 'proved', notes: [] }]);
    },
  );

  test('changed in any way are refuted, or proven to give every pod the same', () => {
    const original = new Original(ours.mesh, ours.documents, {});
    const survey = new Survey(ours.mesh, { profile: PROFILES['istio-1.31'], issuerKeys: new Map() });
    const counts = { refuted: 0, same: 0 };
    const survivors = mutants.flatMap(({ id, what, changes }) => {
      const variant = original.variant(changes());
      if (variant.kind === 'rejected') return [];
      const isSame = JSON.stringify(changedLayers(survey, variant)) === '[]';
      const isRefuted = checkRegistrations(variant.mesh, ours.intent)[0]?.status === 'refuted';
      counts.refuted += isRefuted ? 1 : 0;
      counts.same += isSame ? 1 : 0;
      return isRefuted === isSame ? [`${id}: ${what}`] : [];
    });
    expect(survivors).toEqual([]);
    expect(counts.refuted).toBeGreaterThan(8 * ours.mesh.registrations.length);
    expect(counts.same).toBe(ours.mesh.registrations.length);
  });
});
