/** Tests of routes as words of characters. Source: `../routing/hosts.ts`, `../routing/tests.ts`. */
import type { StringMatch } from '../../language/traffic.ts';
import { type ExpressionStep, parseExpression } from '../routing/expression.ts';
import { bareHost, fitOf, serverFitOf } from '../routing/hosts.ts';
import { asksForPresence, passes } from '../routing/tests.ts';
import { BudgetExceeded } from './diagram.ts';
import type { AtomicTest } from './formula.ts';
import { keyOf } from './variable.ts';
import { type LetterCase, literal, type Step, type Word, withQuery } from './word.ts';
import type { WordTest } from './word-test.ts';

type DomainTest = Extract<AtomicTest, { readonly domain: string }>;
type RouteTest = Extract<AtomicTest, { on: 'route' }>;

const except = (times: Step['times'], members: string): Step => ({ times, of: { kind: 'except', members } });
const any = (times: Step['times']): Step => ({ times, of: { kind: 'any' } });

/** The test of a host without its port, or of an SNI, against a domain. */
export function domainTest(test: DomainTest, letters: LetterCase): WordTest {
  const { domain } = test;
  return {
    key: keyOf(test),
    pattern: null,
    text: domain,
    accepts: (text) => text !== '' && fits(test, text),
    words: () => (test.on === 'serverName' ? serverWords(domain) : hostWords(test, letters)),
  };
}

function fits({ on, domain }: DomainTest, text: string): boolean {
  if (on === 'domain') return fitOf(domain, bareHost(text)) !== null;
  return serverFitOf(domain, on === 'serverName' ? text.toLowerCase() : bareHost(text)) !== null;
}

function serverWords(domain: string): readonly Word[] {
  return domain.startsWith('*')
    ? [[any('many'), ...literal(domain.slice(1).toLowerCase(), 'ignored')]]
    : [literal(domain.toLowerCase(), 'ignored')];
}

/** A port is what follows the last colon, unless a bracket does. */
function hostWords({ domain, on }: DomainTest, letters: LetterCase): readonly Word[] {
  if (domain === '*') return [[any('once'), any('many')]];
  if (/[:\]]/.test(domain)) throw new BudgetExceeded(`a host with a colon: \`${domain}\``);
  const port: Word = [...literal(':'), except('many', ':]')];
  if (!domain.startsWith('*')) {
    const name = literal(domain, letters);
    return [name, [...name, ...port]];
  }
  const end = literal(domain.slice(1), letters);
  return [
    [...(on === 'domain' ? [except('once', ':')] : []), except('many', ':'), ...end],
    [...(on === 'domain' ? [any('once')] : []), any('many'), ...end, ...port],
    [any('many'), ...literal(':'), except('many', ':'), ...literal(']'), except('many', ':'), ...end],
  ];
}

/** The test of a route on a word; with a possible query a path is compared up to it. */
export function routeTest(test: RouteTest, query: 'none' | 'possible'): WordTest {
  const { match, letters, of } = test;
  const bare = (text: string) => (of === 'path' && query === 'possible' ? (text.split('?')[0] ?? '') : text);
  return {
    key: keyOf(test),
    pattern: null,
    text: routeText(match),
    accepts: (text) => asksForPresence(match) || passes(match, bare(text), letters) === 'yes',
    words: () => {
      const words = matchWords(match, letters, of === 'path' ? '?' : '');
      return of === 'path' && query === 'possible' ? withQuery(words) : words;
    },
  };
}

function matchWords(match: StringMatch, letters: LetterCase, never: string): readonly Word[] {
  const rest = except('many', never);
  if (asksForPresence(match) || match.kind === 'any') return [[rest]];
  const text = letters === 'ignored' ? match.value.toLowerCase() : match.value;
  if (match.kind === 'exact') return [literal(text, letters)];
  if (match.kind === 'prefix') return [[...literal(text, letters), rest]];
  const expression = parseExpression(match.value);
  if (expression === undefined) throw new BudgetExceeded(`an expression that is not decided: \`${match.value}\``);
  return expression.alternatives.map((steps) => steps.map((step) => stepOf(step, never)));
}

function stepOf({ times, of }: ExpressionStep, never: string): Step {
  return {
    times,
    of: { kind: of.kind === 'in' ? 'literal' : 'except', members: of.kind === 'in' ? of.members : of.members + never },
  };
}

function routeText(match: StringMatch): string {
  if (match.kind === 'any') return '*';
  return match.kind === 'prefix' ? `${match.value}*` : match.value;
}
