import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';
import { committedGoldens, freshGoldens } from '../../support/golden.ts';

const committed = committedGoldens();
const fresh = await freshGoldens();
const yaml = [...committed].filter(([path]) => path.endsWith('.yaml'));

describe('the goldens', () => {
  test('are exactly the objects that synthesis writes, no orphan and none missing', () => {
    expect([...committed.keys()].sort()).toEqual([...fresh.keys()].sort());
  });

  test('equal what synthesis writes, byte for byte (after a wanted change: make golden)', () => {
    const changed = [...fresh].filter(([path, text]) => committed.get(path) !== text).map(([path]) => path);
    expect(changed).toEqual([]);
  });

  test('parse, and print back the same', () => {
    const unstable = yaml.filter(([path, text]) => {
      const { documents, problems } = readDocuments(path, text);
      return problems.length > 0 || documents.map(({ value }) => printYaml(value)).join('---\n') !== text;
    });
    expect(unstable.map(([path]) => path)).toEqual([]);
  });

  test('hold no remains of values that were never there', () => {
    const remains = [...committed].filter(([, text]) =>
      /\bundefined\b|\[object|\bNaN\b|\$\{Token|<unresolved/.test(text),
    );
    expect(remains.map(([path]) => path)).toEqual([]);
  });
});
