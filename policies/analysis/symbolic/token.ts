/** The twin of `../token.ts`: when a token is accepted, refused, or leaves no claims. Source: semantics.md 8. */
import { looksInAuthorization, type Verifier } from '../token.ts';
import { type WrittenClaim, writtenClaims } from '../token-headers.ts';
import { ALWAYS, all, type Formula, holds, NEVER, not, some } from './formula.ts';
import { isPreflight } from './preflight.ts';
import { claimTest } from './rules.ts';

/** When each outcome of the token filter comes about; everything else leaves no claims. */
export interface SymbolicTokenOutcome {
  readonly hasClaims: Formula;
  readonly refused: Formula;
  /** A token is there and some rule accepts it, whether or not the request is a preflight. */
  readonly accepted: Formula;
  /** The rules that accept tokens, each with when it is the one: those that read claims alike are together. */
  readonly readings: readonly TokenReading[];
}

/** What becomes of the claims of tokens that some rules accept. */
export interface TokenReading {
  /** Of accepted tokens. */
  readonly when: Formula;
  /** The claims whose text is split at spaces. */
  readonly splits: ReadonlySet<string>;
  /** The claims that are written into headers. */
  readonly writes: readonly WrittenClaim[];
}

const ALWAYS_SPLIT = ['scope', 'permission'];

/** Decides tokens against the selected rules. No token passes, and so does a CORS preflight; both leave no claims. */
export function verifyToken(verifiers: readonly Verifier[]): SymbolicTokenOutcome {
  const looking = verifiers.filter(({ rule }) => looksInAuthorization(rule));
  if (looking.length === 0) return NO_TOKENS;
  const present = holds({ on: 'token', is: 'present' });
  const looked = all([present, not(isPreflight())]);
  const accepted = some(
    looking.map((verifier) =>
      all([holds({ on: 'issuer', pattern: { kind: 'exact', value: verifier.rule.issuer } }), isFaultless(verifier)]),
    ),
  );
  return {
    hasClaims: all([looked, accepted]),
    refused: all([looked, not(accepted)]),
    accepted: all([present, accepted]),
    readings: readingsOf(looking),
  };
}

function readingsOf(looking: readonly Verifier[]): readonly TokenReading[] {
  const groups = Map.groupBy(looking, ({ rule }) =>
    JSON.stringify([rule.spaceDelimitedClaims.toSorted(), writtenClaims(rule)]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const when = groups.size === 1 ? ALWAYS : some(group.map((verifier) => acceptsFirst(verifier, looking)));
    const splits = new Set([...ALWAYS_SPLIT, ...first.rule.spaceDelimitedClaims]);
    return [{ when, splits, writes: writtenClaims(first.rule) }];
  });
}

/** When a verifier accepts a token that none before it accepts. */
function acceptsFirst(verifier: Verifier, looking: readonly Verifier[]): Formula {
  const { issuer } = verifier.rule;
  const earlier = looking.slice(0, looking.indexOf(verifier)).filter(({ rule }) => rule.issuer === issuer);
  return all([
    holds({ on: 'issuer', pattern: { kind: 'exact', value: issuer } }),
    isFaultless(verifier),
    ...earlier.map((each) => not(isFaultless(each))),
  ]);
}

/** What comes of tokens where nobody looks at them. */
export const NO_TOKENS: SymbolicTokenOutcome = {
  hasClaims: NEVER,
  refused: NEVER,
  accepted: NEVER,
  readings: [],
};

/** When the rule finds no fault: read at all, not expired, meant for its audience, signed with its key. */
function isFaultless({ rule, holdsIssuersKey, readsToken }: Verifier): Formula {
  if (!holdsIssuersKey || !readsToken) return NEVER;
  const audience =
    rule.audiences.length === 0
      ? ALWAYS
      : all([
          not(holds({ on: 'fault', is: 'audience' })),
          some(
            rule.audiences.flatMap((each) =>
              spellingsOf(each).map((value) => holds(claimTest(['aud'], { kind: 'exact', value }, 'whole'))),
            ),
          ),
        ]);
  return all([not(holds({ on: 'fault', is: 'expired' })), audience, not(holds({ on: 'fault', is: 'signature' }))]);
}

/** The audiences that count as the same: scheme and trailing slash do not matter. */
function spellingsOf(audience: string): readonly string[] {
  const bare = bareAudience(audience);
  return ['', 'http://', 'https://']
    .flatMap((scheme) => ['', '/'].map((slash) => `${scheme}${bare}${slash}`))
    .filter((spelling) => bareAudience(spelling) === bare);
}

/** Source: Envoy jwt_verify_lib `CheckAudience`. */
function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}
