import { describe, expect, test } from 'vitest';
import { acceptsPath } from '#policies/analysis/matching.ts';
import { normalizePath } from '#policies/analysis/normalize.ts';
import { PROFILES } from '#policies/analysis/profile.ts';
import { rewrittenPath } from '#policies/analysis/routing/rewrite.ts';
import type { BoundRoute } from '#policies/analysis/routing/table.ts';
import { type Formula, holds } from '#policies/analysis/symbolic/formula.ts';
import { pullBack } from '#policies/analysis/symbolic/pull-back.ts';
import type { PathPattern } from '#policies/language/authorization.ts';
import type { PathNormalization } from '#policies/language/mesh.ts';
import { parsePath } from '#policies/language/parse-pattern.ts';
import { Draw } from '../../../../support/draw.ts';
import { meshConfigYaml, meshOf } from '../../../../support/small-mesh.ts';

const SEED = 20_261_128;
const PAIRS = 3000;
const MODES: readonly PathNormalization[] = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];
const profile = PROFILES['istio-1.31'];

/** Every normal path of a few characters. */
function pathsOf(mode: PathNormalization): readonly string[] {
  const words = ['/'];
  for (const word of words) if (word.length < 6) for (const next of 'a/.') words.push(word + next);
  return words.filter((word) => {
    const made = normalizePath(word, mode, profile);
    return made.kind === 'path' && made.path === word;
  });
}

const word = (draw: Draw, most: number): string => `/${draw.list(most, () => draw.of(['a', '/', '.', 'aa'])).join('')}`;

function randomPattern(draw: Draw): PathPattern {
  const text = word(draw, 3);
  return draw.of<() => PathPattern>([
    () => ({ kind: 'exact', value: text }),
    () => ({ kind: 'prefix', value: text }),
    () => ({ kind: 'suffix', value: text.slice(draw.integer(2)) }),
    () => parsePath(draw.of(['/a/{*}', '/{**}', '/a/{**}', '/{*}/a', '/aa/{*}'])),
  ])();
}

/** A route whose match is a prefix, put in place of which is `uri`. */
function routeOf(prefix: string, uri: string): BoundRoute {
  const none = { set: {}, add: {}, remove: [] };
  const virtualService = {
    hosts: ['*'],
    gateways: ['g'],
    http: [{ match: [{ uri: { prefix } }], rewrite: { uri }, route: [{ destination: { host: 'h.n' } }] }],
  };
  const text = JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'v', namespace: 'n' },
    spec: virtualService,
  });
  const [parsed] = meshOf(text).virtualServices;
  const [route] = parsed?.http ?? [];
  if (parsed === undefined || route === undefined) throw new Error('no route');
  expect(route.requestHeaders).toEqual(none);
  return { virtualService: parsed, index: 0, matchIndex: 0, route, match: route.matches[0] ?? null, forwards: [] };
}

/** The value of a formula of path tests; undefined where it is not decided. */
function truthOf(formula: Formula, path: string): boolean | undefined {
  switch (formula.kind) {
    case 'always':
    case 'never':
      return formula.kind === 'always';
    case 'not': {
      const part = truthOf(formula.part, path);
      return part === undefined ? undefined : !part;
    }
    case 'all':
    case 'some': {
      const parts = formula.parts.map((part) => truthOf(part, path));
      if (parts.includes(undefined)) return undefined;
      return formula.kind === 'all' ? parts.every(Boolean) : parts.some(Boolean);
    }
    case 'test':
      return formula.test.on === 'path' ? acceptsPath(formula.test.pattern, path) : undefined;
  }
}

describe('a test of a rewritten path', () => {
  test(`is one of the path before it, on every short path, for ${PAIRS} rewrites and patterns, seed ${SEED}`, () => {
    const draw = new Draw(SEED);
    const paths = new Map(MODES.map((mode) => [mode, pathsOf(mode)]));
    const meshes = new Map(
      MODES.map((mode) => [mode, meshOf(meshConfigYaml({ pathNormalization: { normalization: mode } }))]),
    );
    let [decided, accepted] = [0, 0];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const mode = draw.of(MODES);
      const mesh = meshes.get(mode);
      if (mesh === undefined) throw new Error('no mesh');
      const [from, to] = [word(draw, 2), word(draw, 2)];
      const route = routeOf(from, to);
      const pattern = randomPattern(draw);
      const pulled = pullBack(holds({ on: 'path', pattern }), {
        world: { mesh, profile },
        identity: null,
        sni: '',
        route,
        forward: { kind: 'request', index: 0, target: { kind: 'nowhere', because: '' } },
        token: 'kept',
        dropped: new Set(),
      });
      for (const path of paths.get(mode) ?? []) {
        if (!path.startsWith(from)) continue;
        const said = truthOf(pulled, path);
        if (said === undefined) continue;
        const sent = normalizePath(rewrittenPath(route, path, '') ?? '', mode, profile);
        const holdsThere = sent.kind === 'path' && acceptsPath(pattern, sent.path);
        decided += 1;
        if (holdsThere) accepted += 1;
        expect(said, `${mode}: ${from} becomes ${to}, ${path}, ${JSON.stringify(pattern)}`).toBe(holdsThere);
      }
    }
    expect(decided).toBeGreaterThan(50_000);
    expect(accepted).toBeGreaterThan(5000);
  });
});
