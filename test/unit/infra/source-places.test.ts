import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { environments } from '#infra/environments/index.ts';
import { objectsOf } from '../../support/manifest-object.ts';
import { synthesized } from '../../support/synthesized.ts';

const judged = ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication', 'NetworkPolicy', 'Sidecar'];

/** Everything that a verdict can be about, with the places that it names. */
async function placesByObject(environment: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const objects = objectsOf(await synthesized(environment)).filter(({ kind }) => judged.includes(kind));
  return new Map(
    objects.map(({ kind, metadata: { namespace, name, annotations } }) => {
      const text = annotations?.['meshwright.dev/source'] ?? '';
      return [`${kind} ${namespace}/${name}`, [...text.matchAll(/[\w./-]+\.ts:\d+/g)].map(([place]) => place)];
    }),
  );
}

describe.each(environments.map(({ name }) => name))('every object of %s that a verdict can be about', (name) => {
  test('names the lines of source code that it comes from, and they are there', async () => {
    const places = await placesByObject(name);
    expect(places.size).toBeGreaterThan(30);
    expect([...places].filter(([, lines]) => lines.length === 0)).toEqual([]);
    for (const place of new Set([...places.values()].flat())) {
      const [file = '', line = ''] = place.split(':');
      const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').split('\n')[Number(line) - 1];
      expect(text, place).toMatch(/\(/);
    }
  });
});
