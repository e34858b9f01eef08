/** Path normalization before all filters. Source: semantics.md 6; Envoy `path_normalizer`, Chromium URL canonicalizer. */
import type { PathNormalization } from '../language/mesh.ts';
import type { Profile } from './profile.ts';

/** What becomes of a raw `:path`: text with its query, or an answer of the codec. */
export type NormalizedPath =
  | { readonly kind: 'path'; readonly path: string; readonly pathAndQuery: string }
  /** No leading slash: the HTTP/2 codec closes the connection. */
  | { readonly kind: 'closed' }
  /** `%00`: answered 400. */
  | { readonly kind: 'badRequest' };

/** Normalizes a raw path; the fragment is stripped in every mode, the query kept apart and never touched. */
export function normalizePath(raw: string, mode: PathNormalization, profile: Profile): NormalizedPath {
  if (!raw.startsWith('/')) return { kind: 'closed' };
  const hash = raw.indexOf('#');
  const whole = hash < 0 ? raw : raw.slice(0, hash);
  const mark = whole.indexOf('?');
  const query = mark < 0 ? '' : whole.slice(mark);
  const path = mark < 0 ? whole : whole.slice(0, mark);
  if (mode === 'NONE') return { kind: 'path', path, pathAndQuery: whole };
  if (path.includes('%00')) return { kind: 'badRequest' };
  const decoded = mode === 'DECODE_AND_MERGE_SLASHES' ? decodeSlashes(path) : path;
  const resolved = resolveSegments(decoded, profile);
  const merged = mergesSlashes(mode) ? mergeSlashes(resolved) : resolved;
  return { kind: 'path', path: merged, pathAndQuery: merged + query };
}

/** True iff a mode makes one slash of several. */
export function mergesSlashes(mode: PathNormalization): boolean {
  return mode === 'MERGE_SLASHES' || mode === 'DECODE_AND_MERGE_SLASHES';
}

/** True iff every mode surely leaves `path` as it is: it holds nothing that any step touches. */
export function isPlainPath(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  for (let at = 1; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    if (code > 127 || IS_PLAIN[code] !== true) return false;
    if ((code === SLASH || code === DOT) && path.charCodeAt(at - 1) === SLASH) return false;
  }
  return true;
}

const SLASH = 47;
const DOT = 46;
const IS_PLAIN: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~/]/.test(String.fromCharCode(code)),
);

function decodeSlashes(path: string): string {
  return path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
}

/**
 * Turns `\` into `/` and resolves dot segments, also escaped ones; the last segment leaves its slash behind.
 * `..;x` counts only when its dots are written plainly (semantics.md 1).
 */
function resolveSegments(path: string, profile: Profile): string {
  const segments = path.replaceAll('\\', '/').slice(1).split('/');
  const kept: string[] = [];
  segments.forEach((raw, index) => {
    const segment = canonicalize(raw);
    const dots = isDots(segment) ? segment : dotsWithParameters(raw, profile);
    if (dots === undefined) kept.push(segment);
    else {
      if (dots === '..') kept.pop();
      if (index === segments.length - 1) kept.push('');
    }
  });
  return `/${kept.join('/')}`;
}

const isDots = (segment: string): boolean => segment === '.' || segment === '..';

function dotsWithParameters(segment: string, profile: Profile): string | undefined {
  const name = segment.split(';')[0] ?? '';
  return profile.dotSegmentParameters === 'resolved' && isDots(name) ? name : undefined;
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** Decodes escaped unreserved characters and escapes those that a URL never holds. */
function canonicalize(segment: string): string {
  return segment
    .replace(/%([0-9a-fA-F]{2})/g, (escaped, digits: string) => {
      const character = String.fromCharCode(Number.parseInt(digits, 16));
      return UNRESERVED.test(character) ? character : escaped;
    })
    .replace(/["<>^{|}`]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Merges runs of slashes; a path of nothing but slashes keeps two. */
function mergeSlashes(path: string): string {
  if (path.length > 1 && /^\/+$/.test(path)) return '//';
  return path.replace(/\/{2,}/g, '/');
}
