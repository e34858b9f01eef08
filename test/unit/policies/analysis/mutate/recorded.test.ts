import { describe, expect, test } from 'vitest';
import { PROFILES } from '#policies/analysis/index.ts';
import { mutate } from '#policies/analysis/mutate/mutate.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { recordedIssuerKeys, recordedSets } from '../../../../support/recorded.ts';

/** Every fortieth systematic set; the random ones hold dozens of odd patterns and take minutes. */
const SETS = recordedSets().filter(({ name }, index) => index % 40 === 0 && !name.startsWith('random/'));

describe('mutants of recorded policy sets', () => {
  // every request that is said to separate a mutant has been decided on both sides: a mismatch throws
  test.for(SETS.map((set) => [set.name, set] as const))('%s', ([, { manifests }]) => {
    const { documents } = readDocuments('manifests.yaml', manifests);
    const mesh = parseMesh(documents, { tolerate: ['webhook'] });
    if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
    const { trials } = mutate({
      mesh: mesh.value,
      documents,
      parseOptions: { tolerate: ['webhook'] },
      issuerKeys: recordedIssuerKeys(),
      intent: null,
      profile: PROFILES['istio-1.31'],
      on: '2026-11-27',
      limit: 60,
      pairs: 5,
      seed: 11,
    });
    expect(trials.length).toBeGreaterThan(0);
    expect(trials.filter(({ fate }) => fate.kind === 'unknown').map(({ mutant }) => mutant.id)).toEqual([]);
  });
});
