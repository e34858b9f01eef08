/**
 * Shows of most ports that they allow exactly what is declared, and that every rule has its part, from the words that
 * stand in rules and grants alone. What it shows is so; all else is for diagrams.
 */
import type { RuleMatch } from '../symbolic/chain.ts';
import { NEVER } from '../symbolic/formula.ts';
import type { ProxyDecision } from '../symbolic/proxy.ts';
import { areWithin, keyOfWords, type Term, Terms } from '../symbolic/terms.ts';
import { contains, type WordDomain } from '../symbolic/word-domain.ts';
import type { Declared } from './declared.ts';

/**
 * True only if a port allows what is declared and nothing else, leaning on no handshake, and each of its rules matches
 * requests, changes verdicts and is needed for some. `paths` are those that policies can see.
 */
export function isShownByTerms(
  { allowed, unhelped, rules }: ProxyDecision,
  { atMost, atLeast }: Declared,
  paths: WordDomain,
): boolean {
  const terms = new Terms();
  const [open, most] = [terms.of(unhelped), terms.of(atMost)];
  if (open === null || most === null || !areWithin(open, most)) return false;
  const [reached, least] = [terms.of(allowed), terms.of(atLeast)];
  if (reached === null || least === null || !areWithin(least, reached, terms.conditionsMet())) return false;
  const chains = Map.groupBy(rules, ({ chain, at }) => `${chain} ${at}`);
  return [...chains.values()].every((own) => areNeeded(terms, own, paths));
}

const SEVERAL = -1;

/**
 * True only if every rule of a chain is an ALLOW rule and lets some request in that no other one does. Each lists words
 * of the same attributes, so that a request with the words of one term meets terms of these very words alone.
 */
function areNeeded(terms: Terms, rules: readonly RuleMatch[], paths: WordDomain): boolean {
  const arrives = terms.of(rules[0]?.arrives ?? NEVER);
  const own = rules.map(({ policy, covers }) => (policy.action.kind === 'ALLOW' ? terms.of(covers) : null));
  const isPossible = possibleIn(terms, arrives ?? [], paths);
  const first = own[0]?.[0];
  const ruleOf = new Map<number, number>();
  for (const [index, each] of own.entries()) {
    if (each === null || first === undefined) return false;
    for (const term of each) {
      if (!areOfTheSame(term, first) || !isPossible(term)) return false;
      const key = keyOfWords(term);
      ruleOf.set(key, (ruleOf.get(key) ?? index) === index ? index : SEVERAL);
    }
  }
  return own.every((each, index) => each?.some((term) => ruleOf.get(keyOfWords(term)) === index) === true);
}

function areOfTheSame(one: Term, other: Term): boolean {
  return one.method > 0 === other.method > 0 && one.path > 0 === other.path > 0;
}

/** Whether some request has the words of a term of rules and comes before them: a peer of one identity, in HTTP or not. */
function possibleIn(terms: Terms, arrives: readonly Term[], paths: WordDomain): (term: Term) => boolean {
  const http = terms.bitOf('http');
  const given = terms.bitOf('certificate') | terms.bitOf('acceptedPath') | http | (2 * http);
  const met = terms.conditionsMet();
  const seen = terms.words('path').map((path) => path === '' || contains(paths, path));
  return ({ peer, path, conditions }) =>
    peer > 0 &&
    conditions === 0 &&
    seen[path] === true &&
    arrives.some((way) => {
      const isAny = way.peer + way.method + way.path === 0;
      const both = http > 0 && (way.conditions & (3 * http)) === 3 * http;
      return isAny && !both && (way.conditions & ~(given | (met[peer] ?? 0))) === 0;
    });
}
