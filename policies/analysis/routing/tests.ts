/** Single tests of routes on single words, which both evaluators share. Source: istio `TranslateRouteMatch`; Envoy `HeaderUtility`. */
import type { HttpMatch, StringMatch } from '../../language/traffic.ts';
import type { HttpRequest } from '../request.ts';
import { parseExpression } from './expression.ts';

/** The outcome of a test: `undecided` where the analysis cannot tell, and then both are possible. */
export type Outcome = 'yes' | 'no' | 'undecided';

/** What routes read of a request. */
export interface RoutedRequest {
  readonly method: string;
  /** Normalized, without query. */
  readonly path: string;
  /** Behind the `?`, '' for none. */
  readonly query: string;
  /** As sent, with its port. */
  readonly authority: string;
  readonly headers: HttpRequest['headers'];
}

/** Whether a word passes a test; `letters: ignored` compares exact words and prefixes in lower case. */
export function passes(match: StringMatch, word: string, letters: 'exact' | 'ignored' = 'exact'): Outcome {
  if (match.kind === 'any') return 'yes';
  if (match.kind === 'regex') {
    const expression = parseExpression(match.value);
    return expression === undefined ? 'undecided' : claim(expression.accepts(word));
  }
  const [text, value] = letters === 'exact' ? [word, match.value] : [word.toLowerCase(), match.value.toLowerCase()];
  return claim(match.kind === 'exact' ? text === value : text.startsWith(value));
}

/** True iff the test asks for nothing but presence. */
export function asksForPresence(match: StringMatch): boolean {
  return match.kind === 'any' || (match.kind === 'regex' && match.value === '*');
}

/** What a connection manager writes or takes away before it routes and before rules are asked, whatever a client sends. */
const OF_THE_PROXY =
  /^(x-envoy-.*|x-forwarded-(for|proto|client-cert)|x-request-id|connection|proxy-connection|keep-alive|upgrade|te|transfer-encoding)$/;
const PSEUDO_HEADERS: readonly string[] = [':method', ':authority', ':path'];

/**
 * True iff a request does not say what a route or rule finds under a header's name: claims, headers that tokens give, schemes,
 * and headers that the proxy itself writes. Source: Envoy `ConnectionManagerUtility::mutateRequestHeaders`.
 */
export function isUnstated(name: string): boolean {
  if (name.startsWith(':')) return !PSEUDO_HEADERS.includes(name);
  return name.startsWith('@request.auth.') || OF_THE_PROXY.test(name);
}

/** A header's values, each tested on its own; null when it is absent. */
export function headerOf(
  { headers, method, authority, path, query }: RoutedRequest,
  name: string,
): readonly string[] | null {
  switch (name) {
    case ':method':
      return [method];
    case ':authority':
    case 'host':
      return [authority];
    case ':path':
      return [query === '' ? path : `${path}?${query}`];
    default:
      return headers.get(name) ?? null;
  }
}

/** Whether some of the words passes a test. */
export function somePasses(match: StringMatch, words: readonly string[]): Outcome {
  const outcomes = words.map((word) => passes(match, word));
  return outcomes.includes('yes') ? 'yes' : outcomes.includes('undecided') ? 'undecided' : 'no';
}

/** The first value of a query parameter as it is written, the one that is tested; null when there is none. */
export function parameterOf(query: string, name: string): readonly [string] | null {
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if ((equals < 0 ? part : part.slice(0, equals)) === name) return [equals < 0 ? '' : part.slice(equals + 1)];
  }
  return null;
}

/** A test in words, for people: `method exact POST`. */
export function matchText(match: HttpMatch | null): string {
  if (match === null) return 'everything';
  const named = (what: string, entries: HttpMatch['headers']) =>
    entries.map(({ name, match: own }) => `${what} ${name} ${stringText(own)}`);
  const words = [
    ...(match.uri.kind === 'any' ? [] : [`path ${stringText(match.uri)}${match.ignoreUriCase ? ' in any case' : ''}`]),
    ...(['method', 'authority', 'scheme'] as const).flatMap((key) =>
      match[key].kind === 'any' ? [] : [`${key} ${stringText(match[key])}`],
    ),
    ...named('header', match.headers),
    ...named('no header', match.withoutHeaders),
    ...named('parameter', match.queryParams),
  ];
  return words.length === 0 ? 'everything' : words.join(', ');
}

function stringText(match: StringMatch): string {
  return asksForPresence(match) || match.kind === 'any' ? 'present' : `${match.kind} \`${match.value}\``;
}

const claim = (holds: boolean): Outcome => (holds ? 'yes' : 'no');
