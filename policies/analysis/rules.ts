/** Prepares rules for one chain and tests them, clause by clause, as semantics.md 3 reads. */
import type { AuthorizationPolicy, Clause, MetadataPattern, Rule, RulePart } from '../language/authorization.ts';
import { accepts, acceptsPath, acceptsPeer, holds } from './matching.ts';
import type { Profile } from './profile.ts';
import type { Address, Metadata } from './request.ts';
import { type Claims, valueAt } from './token.ts';
import { unreachable } from './unreachable.ts';

/** What rules read of one request on one chain. Null members are absent. */
export interface Facts {
  readonly identities: readonly string[] | null;
  readonly sourceIp: Address | null;
  readonly remoteIp: Address | null;
  readonly destinationIp: Address | null;
  readonly port: number;
  readonly sni: string;
  readonly metadata: Metadata;
  /** Null on a TCP chain. */
  readonly http: HttpFacts | null;
}

/** The HTTP part of the facts; `host` is in lower case, `path` normalized without query. */
export interface HttpFacts {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly pathAndQuery: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** The authority as sent. */
  readonly authority: string;
  readonly claims: Claims | null;
}

/** One rule that takes part on a chain, with the policy it belongs to. */
export interface ChainRule {
  readonly policy: AuthorizationPolicy;
  readonly rule: Rule;
}

/** The rules of `policies` as they take part on `chain`; dropped rules are gone, dropped clauses are true. */
export function rulesOnChain(
  policies: readonly AuthorizationPolicy[],
  chain: 'http' | 'tcp',
  profile: Profile,
): readonly ChainRule[] {
  return policies.flatMap((policy) =>
    policy.rules.flatMap((rule) => {
      const prepared = prepareRule(rule, { chain, profile, loses: policy.action.kind === 'ALLOW' ? 'rule' : 'clause' });
      return prepared === undefined ? [] : [{ policy, rule: prepared }];
    }),
  );
}

interface Preparation {
  readonly chain: 'http' | 'tcp';
  readonly profile: Profile;
  /** What an unusable value costs: ALLOW loses the rule, all other actions only the clause. */
  readonly loses: 'rule' | 'clause';
}

/** Undefined iff the rule takes no part. Source: semantics.md 3.5 (unknown key), 3.11; istio `authz/model.Generate`. */
function prepareRule(rule: Rule, preparation: Preparation): Rule | undefined {
  if (!holdsWhatMayBeLost(rule, preparation)) return rule;
  const parts: RulePart[] = [];
  for (const part of rule.parts) {
    const known = part.alternatives.map((clauses) =>
      clauses.filter((clause) => !isPruned(clause, part, preparation.profile)),
    );
    for (const clause of known.flat()) {
      if (clause.on === 'unknownKey' || isUnknownCondition(clause, part, preparation.profile)) return undefined;
      if (preparation.loses === 'rule' && (clause.unusable.length > 0 || isForeignToChain(clause, preparation.chain)))
        return undefined;
    }
    parts.push({
      ...part,
      alternatives: known.map((clauses) => clauses.filter((clause) => !isForeignToChain(clause, preparation.chain))),
    });
  }
  return { ...rule, parts };
}

/** Whether a clause, or a value of it, may be dropped: of nearly all rules none is. */
function holdsWhatMayBeLost({ parts }: Rule, preparation: Preparation): boolean {
  for (const { alternatives } of parts)
    for (const clauses of alternatives) for (const clause of clauses) if (mayLose(clause, preparation)) return true;
  return false;
}

function mayLose(clause: Clause, { chain, profile }: Preparation): boolean {
  if (clause.on === 'unknownKey' || clause.unusable.length > 0 || isForeignToChain(clause, chain)) return true;
  return isTrustDomain(clause) && profile.trustDomainFields === 'unknown';
}

const HTTP_ONLY: ReadonlySet<Clause['on']> = new Set<Clause['on']>([
  'host',
  'method',
  'path',
  'requestPrincipal',
  'header',
  'claim',
]);

function isForeignToChain(clause: Clause, chain: 'http' | 'tcp'): boolean {
  return chain === 'tcp' && HTTP_ONLY.has(clause.on);
}

/** Before 1.30.2 the API server prunes the field `trustDomains`. */
function isPruned(clause: Clause, part: RulePart, profile: Profile): boolean {
  return part.kind === 'from' && isTrustDomain(clause) && profile.trustDomainFields === 'unknown';
}

function isUnknownCondition(clause: Clause, part: RulePart, profile: Profile): boolean {
  return part.kind === 'when' && isTrustDomain(clause) && profile.trustDomainFields === 'unknown';
}

function isTrustDomain(clause: Clause): boolean {
  return clause.on === 'peer' && clause.field === 'trustDomain';
}

/** True iff every part of the rule has an alternative whose clauses all hold. */
export function covers(rule: Rule, facts: Facts, profile: Profile): boolean {
  return rule.parts.every((part) =>
    part.alternatives.some((clauses) => clauses.every((clause) => isTrue(clause, facts, profile))),
  );
}

/** True iff some value matches, or none is given, and no not-value matches. Source: semantics.md 3.3. */
function isTrue(clause: Clause, facts: Facts, profile: Profile): boolean {
  switch (clause.on) {
    case 'peer':
      return test(clause, (pattern) => facts.identities?.some((identity) => acceptsPeer(pattern, identity)) ?? false);
    case 'address': {
      const address = addressOf(clause.of, facts);
      return test(clause, (block) => address !== null && holds(block, address));
    }
    case 'port':
      return test(clause, (port) => port === facts.port);
    case 'sni':
      return test(clause, (pattern) => accepts(pattern, facts.sni));
    case 'metadata':
      return test(clause, (value) => holdsMetadata(facts.metadata, clause, value));
    case 'unknownKey':
      return false;
    default:
      return facts.http !== null && isTrueOfHttp(clause, facts.http, profile);
  }
}

type HttpClause = Exclude<Clause, { on: 'peer' | 'address' | 'port' | 'sni' | 'metadata' | 'unknownKey' }>;

function isTrueOfHttp(clause: HttpClause, http: HttpFacts, profile: Profile): boolean {
  switch (clause.on) {
    case 'host':
      return test(clause, (pattern) => accepts(pattern, http.host));
    case 'method':
      return test(clause, (pattern) => accepts(pattern, http.method));
    case 'path':
      return test(clause, (pattern) => acceptsPath(pattern, http.path));
    case 'header': {
      const values = headerValues(clause.name, http, profile);
      return test(clause, (pattern) => values.some((value) => accepts(pattern, value)));
    }
    case 'claim': {
      const values = claimValues(http.claims, clause.path);
      return test(clause, (pattern) => values.some((value) => accepts(pattern, value)));
    }
    case 'requestPrincipal': {
      const [of, by] = [claimText(http.claims, 'iss'), claimText(http.claims, 'sub')];
      return test(
        clause,
        ({ issuer, subject }) => of !== undefined && by !== undefined && accepts(issuer, of) && accepts(subject, by),
      );
    }
    default:
      return unreachable(clause);
  }
}

/** What a filter set under a key, undefined where nothing: a key may be called like a member that every object has. */
export function metadataAt(metadata: Metadata, filter: string, key: string): Metadata[string][string] | undefined {
  const set = Object.hasOwn(metadata, filter) ? metadata[filter] : undefined;
  return set !== undefined && Object.hasOwn(set, key) ? set[key] : undefined;
}

/** True iff what the filter set under the key is a text that is accepted, or a list with such an element. */
export function holdsMetadata(
  metadata: Metadata,
  { filter, key }: { readonly filter: string; readonly key: string },
  { form, pattern }: MetadataPattern,
): boolean {
  const value = metadataAt(metadata, `envoy.filters.${filter}`, key);
  if (form === 'text') return typeof value === 'string' && accepts(pattern, value);
  return typeof value === 'object' && value.some((element) => accepts(pattern, element));
}

function test<T>(
  clause: { readonly values: readonly T[]; readonly notValues: readonly T[] },
  matches: (value: T) => boolean,
): boolean {
  return (clause.values.length === 0 || clause.values.some(matches)) && !clause.notValues.some(matches);
}

/** On a TCP chain the remote address is always the peer. */
function addressOf(which: 'source' | 'remote' | 'destination', facts: Facts): Address | null {
  if (which === 'destination') return facts.destinationIp;
  return which === 'remote' && facts.http !== null ? facts.remoteIp : facts.sourceIp;
}

/** The values of a header, pseudo headers included; `host` is Envoy's other name for `:authority`. */
function headerValues(name: string, http: HttpFacts, profile: Profile): readonly string[] {
  if (name === ':path') return [http.pathAndQuery];
  if (name === ':method') return [http.method];
  if (name === ':authority' || name === 'host') return [http.authority];
  const values = http.headers.get(name) ?? [];
  return profile.repeatedHeaders === 'joined' && values.length > 1 ? [values.join(',')] : values;
}

/**
 * The text of a claim as request principals read it: one that is split into words is a list, which they never match.
 * Source: istio `requestPrincipalGenerator.extendedPrincipal`; seen in Envoy.
 */
function claimText(claims: Claims | null, name: string): string | undefined {
  const value = valueAt(claims, [name]);
  return typeof value === 'string' ? value : undefined;
}

/** The strings at a claim's path: the string there, or the strings of the list there. */
function claimValues(claims: Claims | null, path: readonly string[]): readonly string[] {
  const value = valueAt(claims, path);
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
