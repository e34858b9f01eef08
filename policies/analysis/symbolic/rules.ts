/** The twin of `../rules.ts`: rules as formulas over the tests of a request, clause by clause as semantics.md 3 reads. */
import type { Clause, PeerPattern, Rule } from '../../language/authorization.ts';
import { accepts, acceptsPeer, holds as holdsAddress } from '../matching.ts';
import type { Address } from '../request.ts';
import type { GivenHeaders } from '../token-headers.ts';
import { unreachable } from '../unreachable.ts';
import { ALWAYS, type AtomicTest, all, constant, type Formula, holds, NEVER, not, some } from './formula.ts';
import { isPreflight } from './preflight.ts';
import type { TokenReading } from './token.ts';
import { peerTest } from './word-test.ts';

/** What is known of every request that reaches the rules. */
export interface SymbolicFacts {
  /** Whether rules see the identities of the peer's certificate. */
  readonly sees: 'identities' | 'nothing';
  readonly chain: 'http' | 'tcp';
  readonly port: number;
  /** Null where requests differ in it. */
  readonly destinationIp: Address | null;
  /** When the request carries claims that the proxy has verified. */
  readonly hasClaims: Formula;
  /** How the claims of accepted tokens are read, and written into headers. */
  readonly readings: readonly TokenReading[];
  /** Headers of clients that the token filter removes, save from preflights. */
  readonly given: GivenHeaders;
  /** @default - nothing */
  readonly known?: KnownFacts;
}

/** What is the same of every request that gets to a proxy behind another one. */
export interface KnownFacts {
  readonly sni?: string;
  readonly identities?: readonly string[];
  readonly sourceIp?: Address;
}

/** When every part of the rule has an alternative whose clauses all hold. */
export function covers(rule: Rule, facts: SymbolicFacts): Formula {
  if (isForOtherPorts(rule, facts)) return NEVER;
  return all(
    rule.parts.map((part) =>
      some(part.alternatives.map((clauses) => all(clauses.map((clause) => isTrue(clause, facts))))),
    ),
  );
}

/** Asked first, since most rules name their port, and nothing else of them matters at all others. */
function isForOtherPorts({ parts }: Rule, facts: SymbolicFacts): boolean {
  return parts.some(({ alternatives }) =>
    alternatives.every((clauses) => clauses.some((clause) => clause.on === 'port' && isTrue(clause, facts) === NEVER)),
  );
}

/** When some value matches, or none is given, and no not-value matches. Source: semantics.md 3.3. */
function isTrue(clause: Clause, facts: SymbolicFacts): Formula {
  switch (clause.on) {
    case 'peer': {
      const { values, notValues } = clause;
      const identities = facts.known?.identities;
      if (identities !== undefined)
        return test(clause, (pattern) => constant(identities.some((identity) => acceptsPeer(pattern, identity))));
      const among = facts.sees === 'nothing' ? () => NEVER : amongPeers;
      return all([values.length === 0 ? ALWAYS : among(values), not(among(notValues))]);
    }
    case 'address':
      return test(clause, (block) => {
        const of = addressOf(clause.of, facts);
        const known = { source: facts.known?.sourceIp, destination: facts.destinationIp, remote: null }[of] ?? null;
        if (known !== null) return constant(holdsAddress(block, known));
        return holds({ on: 'address', of, block });
      });
    case 'port':
      return test(clause, (port) => constant(port === facts.port));
    case 'sni': {
      const known = facts.known?.sni;
      return test(clause, (pattern) =>
        known === undefined ? holds({ on: 'sni', pattern }) : constant(accepts(pattern, known)),
      );
    }
    case 'metadata':
      return test(clause, ({ form, pattern }) =>
        holds({ on: 'metadata', form, key: [`envoy.filters.${clause.filter}`, clause.key], pattern }),
      );
    case 'unknownKey':
      return NEVER;
    default:
      return facts.chain === 'http' ? isTrueOfHttp(clause, facts) : NEVER;
  }
}

const MOST_APART = 4;

/**
 * When one of the patterns accepts the peer. Many patterns that need an automaton are one test of it: the classes that
 * they would split into one by one double with each.
 */
function amongPeers(patterns: readonly PeerPattern[]): Formula {
  const plain = patterns.filter((pattern) => peerTest(pattern).pattern !== null);
  if (patterns.length - plain.length <= MOST_APART)
    return some(patterns.map((pattern) => holds({ on: 'peer', pattern })));
  const rest = patterns.filter((pattern) => !plain.includes(pattern));
  return some([...plain.map((pattern) => holds({ on: 'peer', pattern })), holds({ on: 'peers', patterns: rest })]);
}

type HttpClause = Exclude<Clause, { on: 'peer' | 'address' | 'port' | 'sni' | 'metadata' | 'unknownKey' }>;

function isTrueOfHttp(clause: HttpClause, facts: SymbolicFacts): Formula {
  switch (clause.on) {
    case 'host':
      return test(clause, (pattern) => holds({ on: 'host', pattern }));
    case 'method':
      return test(clause, (pattern) => holds({ on: 'method', pattern }));
    case 'path':
      return test(clause, (pattern) => holds({ on: 'path', pattern }));
    case 'header':
      return test(clause, (pattern) => seen(headerTest(clause.name, pattern), facts));
    case 'claim':
      return test(clause, (pattern) => readClaim(clause.path, pattern, facts));
    case 'requestPrincipal':
      return test(clause, ({ issuer, subject }) =>
        all([holds({ on: 'issuer', pattern: issuer }), readSubject(subject, facts)]),
      );
    default:
      return unreachable(clause);
  }
}

/** When the verified claims hold a text that is accepted there. */
function readClaim(path: readonly string[], pattern: HeaderPattern, { hasClaims, readings }: SymbolicFacts): Formula {
  const read = some(
    readings.map(({ when, splits }) => {
      const isSplit = path.length === 1 && splits.has(path[0] ?? '');
      return all([when, holds(claimTest(path, pattern, isSplit ? 'words' : 'whole'))]);
    }),
  );
  return all([hasClaims, read]);
}

/** Request principals are texts: where the issuer or the subject is split into words, none matches. */
function readSubject(pattern: HeaderPattern, { hasClaims, readings }: SymbolicFacts): Formula {
  const whole = readings.flatMap(({ when, splits }) => (splits.has('iss') || splits.has('sub') ? [] : [when]));
  return all([hasClaims, some(whole), holds(claimTest(['sub'], pattern, 'whole'))]);
}

/** What a client sends under a name that the token filter writes is there in preflights alone; else the token's claim is. */
function seen(header: AtomicTest, { given, hasClaims, readings }: SymbolicFacts): Formula {
  if (header.on !== 'header' || !given.has(header.name)) return holds(header);
  const written = readings.flatMap(({ when, writes }) =>
    writes
      .filter((claim) => claim.header === header.name)
      .map(({ path }) => all([when, writtenTest(path, header.pattern)])),
  );
  return some([all([isPreflight(), holds(header)]), all([hasClaims, some(written)])]);
}

/** An accepted token's issuer is one text that is not empty. */
function writtenTest(path: readonly string[], pattern: HeaderPattern): Formula {
  if (path.length === 1 && path[0] === 'iss') return holds({ on: 'issuer', pattern });
  return holds({ on: 'claim', path, pattern, as: 'written' });
}

function test<T>(
  clause: { readonly values: readonly T[]; readonly notValues: readonly T[] },
  matches: (value: T) => Formula,
): Formula {
  return all([
    clause.values.length === 0 ? ALWAYS : some(clause.values.map(matches)),
    not(some(clause.notValues.map(matches))),
  ]);
}

/** On a TCP chain the remote address is always the peer. */
function addressOf(which: 'source' | 'remote' | 'destination', facts: SymbolicFacts): typeof which {
  return which === 'remote' && facts.chain === 'tcp' ? 'source' : which;
}

type HeaderPattern = Extract<AtomicTest, { on: 'header' }>['pattern'];

/** The test of a header, pseudo headers included; `host` is Envoy's other name for `:authority`. */
function headerTest(name: string, pattern: HeaderPattern): AtomicTest {
  if (name === ':path') return { on: 'pathAndQuery', pattern };
  if (name === ':method') return { on: 'method', pattern };
  if (name === ':authority' || name === 'host') return { on: 'authority', pattern };
  return { on: 'header', name, pattern };
}

/** The test of a claim; an accepted token's issuer is one string. */
export function claimTest(path: readonly string[], pattern: HeaderPattern, as: 'whole' | 'words'): AtomicTest {
  return path.length === 1 && path[0] === 'iss' ? { on: 'issuer', pattern } : { on: 'claim', path, pattern, as };
}
