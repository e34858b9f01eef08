/** Reads claims without splitting or copying them. */
import type { Pattern } from '../../language/authorization.ts';
import { accepts } from '../matching.ts';
import { valueAt } from '../token.ts';
import type { Query } from './query.ts';

/** True iff the string at `path`, one of the words it is made of, or a string of the list there is accepted. */
export function anyClaim(query: Query, path: readonly string[], patterns: readonly Pattern[]): boolean {
  const value = valueAt(query.claims, path);
  if (typeof value === 'string') {
    const isDelimited = path.length === 1 && query.delimited.has(path[0] ?? '');
    return isDelimited ? anyWord(value, patterns) : anyAccepts(patterns, value);
  }
  if (!Array.isArray(value)) return false;
  for (const item of value) if (typeof item === 'string' && anyAccepts(patterns, item)) return true;
  return false;
}

/** The text of a claim, undefined where it is none, a list, or words that count each. */
export function tryClaimText(query: Query, name: string): string | undefined {
  const value = valueAt(query.claims, [name]);
  return typeof value === 'string' && !query.delimited.has(name) ? value : undefined;
}

/** Exact words are found in place; other patterns need the word itself, and so does the empty one, which is everywhere. */
function anyWord(text: string, patterns: readonly Pattern[]): boolean {
  for (const pattern of patterns) {
    if (
      pattern.kind === 'exact' && pattern.value !== ''
        ? holdsWord(text, pattern.value)
        : text.split(' ').some((word) => accepts(pattern, word))
    )
      return true;
  }
  return false;
}

function holdsWord(text: string, word: string): boolean {
  if (word.includes(' ')) return false;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const end = at + word.length;
    if ((at === 0 || text.charAt(at - 1) === ' ') && (end === text.length || text.charAt(end) === ' ')) return true;
  }
  return false;
}

function anyAccepts(patterns: readonly Pattern[], text: string): boolean {
  for (const pattern of patterns) if (accepts(pattern, text)) return true;
  return false;
}
