/** Tests of one word-valued attribute, in the form that variables are made from. */
import type { PathPattern, Pattern, PeerPattern } from '../../language/authorization.ts';
import { accepts, acceptsPath, acceptsPeer } from '../matching.ts';
import { BudgetExceeded } from './diagram.ts';
import type { AtomicTest } from './formula.ts';
import { keyOf } from './variable.ts';
import { type Word, withQuery, wordsOf, wordsOfPath, wordsOfPeer } from './word.ts';

/** One test: its concrete meaning, and its words; `pattern` where it is a plain one. */
export interface WordTest {
  readonly key: string;
  readonly pattern: Pattern | null;
  /** The pattern in the spelling of policies. */
  readonly text: string;
  accepts(text: string): boolean;
  words(): readonly Word[];
}

/** The test of a plain pattern. */
export function plainTest(pattern: Pattern): WordTest {
  return {
    key: keyOf(pattern),
    pattern,
    text: patternText(pattern),
    accepts: (text) => accepts(pattern, text),
    words: () => wordsOf(pattern),
  };
}

/** The test of a peer identity. */
export function peerTest(pattern: PeerPattern): WordTest {
  return {
    key: keyOf(pattern),
    pattern: asPlain(pattern),
    text: peerText(pattern),
    accepts: (text) => acceptsPeer(pattern, text),
    words: () => wordsOfPeer(pattern),
  };
}

/** The test of a peer identity against many patterns at once. */
export function peersTest(patterns: readonly PeerPattern[]): WordTest {
  return {
    key: keyOf(patterns),
    pattern: null,
    text: patterns.map(peerText).join(' or '),
    accepts: (text) => patterns.some((pattern) => acceptsPeer(pattern, text)),
    words: () => patterns.flatMap(wordsOfPeer),
  };
}

/** Peer patterns that are plain ones in other words; suffixes are not, since the scheme may not overlap them. */
function asPlain(pattern: PeerPattern): Pattern | null {
  if (pattern.kind === 'principal') return pattern.pattern;
  if (pattern.kind === 'anyTrustDomain') return { kind: 'prefix', value: 'spiffe://' };
  if (pattern.kind !== 'trustDomain' || pattern.pieces.length !== 1) return null;
  const [name = ''] = pattern.pieces;
  return name.includes('/') ? null : { kind: 'prefix', value: `spiffe://${name}/` };
}

type PathTest = Extract<AtomicTest, { on: 'path' | 'pathAndQuery' }>;

/** The test of a path; with `query` its words are those of path and query together. */
export function pathTest(test: PathTest, query: 'none' | 'possible'): WordTest {
  if (test.on === 'pathAndQuery') return { ...plainTest(test.pattern), key: keyOf(test), pattern: null };
  const { pattern } = test;
  return {
    key: keyOf(test),
    text: pathText(pattern),
    pattern: pattern.kind === 'template' || pattern.kind === 'expression' || query === 'possible' ? null : pattern,
    accepts: (text) => acceptsPath(pattern, query === 'none' ? text : (text.split('?')[0] ?? '')),
    words: () => {
      const words = wordsOfPath(pattern);
      if (words === undefined) throw new BudgetExceeded('a path template that the webhook refuses');
      return query === 'none' ? words : withQuery(words);
    },
  };
}

type HostTest = Extract<AtomicTest, { on: 'host' | 'authority' }>;

/** The test of a host; with `asSent` the variable is the authority as sent, which hosts are compared with in lower case. */
export function hostTest(test: HostTest, variable: 'lowerCase' | 'asSent'): WordTest {
  const plain = { ...plainTest(test.pattern), key: keyOf(test) };
  if (test.on === 'authority' || variable === 'lowerCase') return plain;
  return {
    key: plain.key,
    pattern: null,
    text: plain.text,
    accepts: (text) => accepts(test.pattern, text.toLowerCase()),
    words: () => wordsOf(test.pattern, { letters: 'ignored' }),
  };
}

/** A plain pattern as policies write it. */
export function patternText(pattern: Pattern): string {
  switch (pattern.kind) {
    case 'exact':
      return pattern.value;
    case 'prefix':
      return `${pattern.value}*`;
    case 'suffix':
      return `*${pattern.value}`;
    case 'nonEmpty':
    case 'present':
      return '*';
  }
}

/** A path pattern as policies write it. */
function pathText(pattern: PathPattern): string {
  if (pattern.kind === 'expression') return pattern.source;
  if (pattern.kind !== 'template') return patternText(pattern);
  return pattern.pieces
    .map((piece) => (piece.kind === 'literal' ? piece.text : piece.kind === 'one' ? '{*}' : '{**}'))
    .join('');
}

function peerText(pattern: PeerPattern): string {
  switch (pattern.kind) {
    case 'principal':
      return patternText(pattern.pattern);
    case 'principalSuffix':
      return `spiffe://*${pattern.suffix}`;
    case 'namespace':
      return `*/ns/${pattern.pieces.join('*')}/*`;
    case 'serviceAccount':
      return `spiffe://*/ns/${pattern.namespace}/sa/${pattern.name}`;
    case 'trustDomain':
      return `spiffe://${pattern.pieces.join('*')}/*`;
    case 'anyTrustDomain':
      return 'spiffe://*';
    case 'segments': {
      const [trustDomain, namespace, account] = [pattern.trustDomain, pattern.namespace, pattern.serviceAccount].map(
        patternText,
      );
      return `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
    }
  }
}
