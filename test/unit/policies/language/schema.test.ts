import { describe, expect, test } from 'vitest';
import { KNOWN_KINDS, type KnownKind } from '#policies/language/schema/registry.ts';
import type { Members, Shape } from '#policies/language/schema/shape.ts';
import { validateSchema } from '#policies/language/validate-schema.ts';

const SEED = 12_345;
const RUNS = 1500;

/** Members of which the package knows less: the extended channel, and base64 content. */
const INCOMPARABLE = ['trustDomains', 'notTrustDomains', 'bytes'];

/** A model class of the package that was generated from Istio's CRDs; `validate` throws on what they refuse. */
type Model = new (value: object) => { validate(): void };

async function modelOf({ group, kind, versions }: KnownKind): Promise<Model> {
  const specifier = `@kubernetes-models/istio/${group}/${versions[0]}`;
  const models: Readonly<Record<string, Model>> = await import(/* @vite-ignore */ specifier);
  const model = models[kind];
  if (model === undefined) throw new Error(`the package has no model of ${kind}`);
  return model;
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const JUNK = [
  1,
  0,
  -1,
  2 ** 31,
  2 ** 32,
  1.5,
  '',
  'x',
  'x y',
  'ALLOW',
  true,
  [],
  {},
  [''],
  'a'.repeat(330),
  'a'.repeat(2100),
];

/** Values that a shape mostly accepts, with junk here and there. */
function generator(random: () => number): (shape: Shape, depth?: number) => unknown {
  const pick = (values: readonly unknown[]): unknown => values[Math.floor(random() * values.length)];
  const members = (shape: Members, depth: number): unknown => {
    const chosen = [...shape.members].filter(([name]) => {
      const chance = shape.required.includes(name) ? 0.97 : depth > 6 ? 0.15 : 0.45;
      return random() < chance && !INCOMPARABLE.includes(name);
    });
    return Object.fromEntries(chosen.map(([name, part]) => [name, generate(part, depth + 1)]));
  };
  const items = (shape: Shape, depth: number): unknown => {
    const length = random() < 0.02 ? pick([17, 65, 257, 513]) : Math.floor(random() * 3);
    return Array.from({ length: Number(length) }, () => generate(shape, depth + 1));
  };
  const generate = (shape: Shape, depth = 0): unknown => {
    if (random() < 0.03) return pick(JUNK);
    switch (shape.kind) {
      case 'members':
        return members(shape, depth);
      case 'record':
        return random() < 0.7 ? { k: generate(shape.values, depth + 1) } : {};
      case 'list':
        return items(shape.items, depth);
      case 'oneOf':
        return pick(shape.words);
      case 'whole':
        return pick([0, 1, 80, 65_535, -1, 101]);
      case 'number':
        return pick([0, 1.5, 100, 200]);
      case 'flag':
        return random() < 0.5;
      default:
        return pick(['a', 'b.example', 'x-y', '1', '']);
    }
  };
  return generate;
}

function accepts(model: Model, value: object): boolean {
  try {
    new model(value).validate();
    return true;
  } catch {
    return false;
  }
}

describe('schemas of the Istio kinds', () => {
  const kinds = KNOWN_KINDS.filter(({ group }) => group.endsWith('.istio.io'));

  test.for(kinds.map((known) => [known.kind, known] as const))(
    `%s: ${RUNS} generated documents are refused exactly when the CRD refuses them (seed ${SEED})`,
    async ([, known]) => {
      const model = await modelOf(known);
      const generate = generator(randomFrom(SEED));
      let refused = 0;
      for (let run = 0; run < RUNS; run += 1) {
        const body = Object(generate(known.shape));
        const value = {
          ...body,
          apiVersion: `${known.group}/${known.versions[0]}`,
          kind: known.kind,
          metadata: { name: 'x' },
          status: undefined,
        };
        const document = { file: 'x', index: 0, value, lineOf: () => 1 };
        const problems = validateSchema(document, known.shape).filter(({ code }) => code.startsWith('schema/'));
        expect(accepts(model, value), JSON.stringify([value, problems])).toBe(problems.length === 0);
        refused += problems.length === 0 ? 0 : 1;
      }
      expect(refused).toBeGreaterThan(RUNS / 50);
      expect(refused).toBeLessThan(RUNS);
    },
  );
});
