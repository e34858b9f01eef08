/**
 * Whether certificates with one URI SAN show every difference between decisions, so that sets of SANs need not be gone
 * through. Istio's rules ask whether *some* SAN is accepted. Where a decision asks so once, and behind a handshake that
 * every identity it accepts passes too, a certificate is let in iff one of its SANs is (DECISIONS.md, with the proof).
 */
import type { PeerPattern } from '../../language/authorization.ts';
import type { Formula } from './formula.ts';

/** How a formula reads certificates. */
type Reading =
  | { readonly kind: 'notAtAll' }
  /** Some SAN is accepted by one of `patterns`; behind a handshake that asks for a URI SAN with one of the prefixes. */
  | { readonly kind: 'once'; readonly handshake: readonly string[] | null; readonly patterns: readonly PeerPattern[] }
  | { readonly kind: 'otherwise' };

const NOT_AT_ALL: Reading = { kind: 'notAtAll' };
const OTHERWISE: Reading = { kind: 'otherwise' };

/** The certificates to go through where decisions are compared. */
export function peersToCompare(decisions: readonly Formula[]): 'single' | 'sets' {
  return oneIdentityTellsApart(decisions) ? 'single' : 'sets';
}

/** True iff decisions that differ on some certificate differ on one with a single URI SAN, or without any certificate. */
export function oneIdentityTellsApart(decisions: readonly Formula[]): boolean {
  const readings = decisions.map((decision) => readingOf(decision)).filter(({ kind }) => kind !== 'notAtAll');
  const [first] = readings;
  return readings.every(
    (reading) =>
      reading.kind === 'once' &&
      first?.kind === 'once' &&
      sameHandshake(reading.handshake, first.handshake) &&
      passesItsHandshake(reading),
  );
}

/** True iff what `inner` allows beyond `outer`, which asks for no handshake, it allows to a certificate with a single URI SAN. */
export function oneIdentityShowsSurplus(inner: Formula, outer: Formula): boolean {
  const [one, other] = [readingOf(inner), readingOf(outer)];
  if (other.kind === 'otherwise' || (other.kind === 'once' && other.handshake !== null)) return false;
  return one.kind === 'notAtAll' || (one.kind === 'once' && passesItsHandshake(one));
}

/** Whoever the rules accept the handshake accepts. */
function passesItsHandshake({ handshake, patterns }: Extract<Reading, { kind: 'once' }>): boolean {
  return handshake === null || patterns.every((pattern) => isWithin(pattern, handshake));
}

function isWithin(pattern: PeerPattern, prefixes: readonly string[]): boolean {
  if (pattern.kind !== 'principal') return false;
  const { pattern: words } = pattern;
  return (
    (words.kind === 'exact' || words.kind === 'prefix') && prefixes.some((prefix) => words.value.startsWith(prefix))
  );
}

function sameHandshake(left: readonly string[] | null, right: readonly string[] | null): boolean {
  if (left === null || right === null) return left === right;
  return left.length === right.length && left.every((prefix) => right.includes(prefix));
}

function readingOf(formula: Formula, known: Map<Formula, Reading> = new Map()): Reading {
  if (formula.kind === 'test') return ofTest(formula.test);
  const earlier = known.get(formula);
  if (earlier !== undefined) return earlier;
  const made = newReading(formula, known);
  known.set(formula, made);
  return made;
}

function newReading(formula: Exclude<Formula, { kind: 'test' }>, known: Map<Formula, Reading>): Reading {
  switch (formula.kind) {
    case 'always':
    case 'never':
      return NOT_AT_ALL;
    case 'not':
      return readingOf(formula.part, known).kind === 'notAtAll' ? NOT_AT_ALL : OTHERWISE;
    case 'all':
      return ofAll(readersAmong(formula.parts, known).map(({ reading }) => reading));
    default:
      return ofAny(formula.parts, readersAmong(formula.parts, known));
  }
}

interface Reader {
  readonly part: Formula;
  readonly reading: Reading;
}

function readersAmong(parts: readonly Formula[], known: Map<Formula, Reading>): readonly Reader[] {
  const readers: Reader[] = [];
  for (const part of parts) {
    const reading = readingOf(part, known);
    if (reading.kind !== 'notAtAll') readers.push({ part, reading });
  }
  return readers;
}

function ofTest(test: Extract<Formula, { kind: 'test' }>['test']): Reading {
  if (test.on === 'peer') return { kind: 'once', handshake: null, patterns: [test.pattern] };
  if (test.on === 'peers') return { kind: 'once', handshake: null, patterns: test.patterns };
  if (test.on !== 'uri') return NOT_AT_ALL;
  const { pattern } = test;
  if (pattern.kind !== 'principal' || pattern.pattern.kind !== 'prefix') return OTHERWISE;
  return { kind: 'once', handshake: [pattern.pattern.value], patterns: [] };
}

/**
 * Alternatives are read once where all stand behind one handshake, or none. Tests of the handshake alone are that
 * handshake together; beside it only what holds without certificates may stand.
 */
function ofAny(parts: readonly Formula[], readers: readonly Reader[]): Reading {
  if (readers.length === 0) return NOT_AT_ALL;
  const found = readers.map(({ reading }) => reading).filter((reading) => reading.kind === 'once');
  const [first] = found;
  if (first === undefined || found.length < readers.length) return OTHERWISE;
  const patterns = found.flatMap((reading) => reading.patterns);
  if (first.handshake === null)
    return found.every(({ handshake }) => handshake === null) ? { kind: 'once', handshake: null, patterns } : OTHERWISE;
  if (readers.length < parts.length && !parts.every((part) => isRead(part, readers) || excludesCertificates(part)))
    return OTHERWISE;
  const isHandshake = patterns.length === 0 && readers.every(({ part }) => part.kind === 'test');
  const handshake = isHandshake ? found.flatMap((reading) => reading.handshake ?? []) : first.handshake;
  const isOne = isHandshake || found.every((reading) => sameHandshake(reading.handshake, handshake));
  return isOne ? { kind: 'once', handshake, patterns } : OTHERWISE;
}

const isRead = (part: Formula, readers: readonly Reader[]): boolean => readers.some((reader) => reader.part === part);

function excludesCertificates(formula: Formula): boolean {
  if (formula.kind === 'all') return formula.parts.some(excludesCertificates);
  return formula.kind === 'not' && formula.part.kind === 'test' && formula.part.test.on === 'certificate';
}

/** What must hold together is read once where one part asks for identities and the others for the handshake alone. */
function ofAll(parts: readonly Reading[]): Reading {
  let asking: Extract<Reading, { kind: 'once' }> | undefined;
  let handshake: readonly string[] | null = null;
  for (const part of parts) {
    if (part.kind !== 'once') return OTHERWISE;
    if (part.handshake !== null) {
      if (handshake !== null && !sameHandshake(handshake, part.handshake)) return OTHERWISE;
      handshake = part.handshake;
    }
    if (part.patterns.length === 0) continue;
    if (asking !== undefined) return OTHERWISE;
    asking = part;
  }
  if (asking === undefined && handshake === null) return NOT_AT_ALL;
  return { kind: 'once', handshake, patterns: asking?.patterns ?? [] };
}
