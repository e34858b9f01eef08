import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { environments } from '#infra/environments/index.ts';
import { synthesized } from '../../support/synthesized.ts';

const judged = ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication', 'NetworkPolicy', 'Sidecar'];

interface Judged {
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Everything that a verdict can be about, with the places that it names. */
async function placesByObject(environment: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = await synthesized(environment);
  const texts = [...files].filter(([name]) => name.startsWith('manifests/')).map(([, text]) => text);
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Judged));
  return new Map(
    objects
      .filter(({ kind }) => judged.includes(kind ?? ''))
      .map(({ kind, metadata }) => [
        `${kind} ${metadata?.namespace}/${metadata?.name}`,
        [...(metadata?.annotations?.['meshwright.dev/source'] ?? '').matchAll(/[\w./-]+\.ts:\d+/g)].map(
          ([place]) => place,
        ),
      ]),
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
