/**
 * Certificates that a handshake accepts for one SAN and rules let in for another, of a foreign trust domain that they
 * name. Patterns that fit accepted trust domains too (`namespaces`, a bare suffix) are left out, and said to be.
 */
import type { PeerPattern } from '../../language/authorization.ts';
import type { MeshConfig } from '../../language/mesh.ts';
import { trustedPrefixes } from '../connection.ts';
import { accepts, acceptsPeer } from '../matching.ts';
import { isTrusted } from '../symbolic/connection.ts';
import type { Node } from '../symbolic/diagram.ts';
import { type Formula, testsOf } from '../symbolic/formula.ts';
import { Universe, type UniverseOptions } from '../symbolic/universe.ts';

/** What rules read of SANs beside the one that the handshake accepts. */
export interface ForeignNames {
  /** Calls that are let in only because of foreign SANs; undefined where rules name no foreign trust domain. */
  readonly found: { readonly universe: Universe; readonly node: Node } | undefined;
  /** Whether rules read SANs by patterns that name no trust domain. */
  readonly patterns: 'ofTrustDomains' | 'ofAny';
}

/** What a decision makes of foreign SANs. Errors: throws `BudgetExceeded`. */
export function foreignNames(allowed: Formula, options: Omit<UniverseOptions, 'peers'>): ForeignNames {
  const { config } = options;
  const read = testsOf([allowed]).flatMap((test) =>
    test.on === 'peer' ? [test.pattern] : test.on === 'peers' ? test.patterns : [],
  );
  const patterns = read.some(({ kind }) => UNBOUND.has(kind)) ? 'ofAny' : 'ofTrustDomains';
  const foreign = read.filter((pattern) => namesForeign(pattern, config));
  if (foreign.length === 0) return { found: undefined, patterns };
  const trusted = isTrusted(config);
  const universe = new Universe([allowed, trusted], { ...options, peers: 'sets' });
  const { diagrams } = universe;
  const node = universe.node(allowed);
  const without = levelsOf(universe, foreign, config).reduce((left, level) => diagrams.restrict(left, level, 0), node);
  return { found: { universe, node: diagrams.and(diagrams.minus(node, without), universe.node(trusted)) }, patterns };
}

const UNBOUND: ReadonlySet<PeerPattern['kind']> = new Set(['principalSuffix', 'namespace', 'serviceAccount']);

/** True iff the pattern accepts identities of foreign trust domains alone. */
function namesForeign(pattern: PeerPattern, config: MeshConfig): boolean {
  const prefixes = trustedPrefixes(config);
  if (pattern.kind === 'trustDomain') return !prefixes.some((prefix) => acceptsPeer(pattern, prefix));
  if (pattern.kind === 'segments')
    return !prefixes.some((prefix) => accepts(pattern.trustDomain, prefix.slice('spiffe://'.length, -1)));
  if (pattern.kind !== 'principal') return false;
  const { pattern: words } = pattern;
  if (words.kind === 'exact') return !prefixes.some((prefix) => words.value.startsWith(prefix));
  if (words.kind !== 'prefix') return false;
  return !prefixes.some((prefix) => words.value.startsWith(prefix) || prefix.startsWith(words.value));
}

/** The levels of SANs that are foreign, as some of the patterns accept them. */
function levelsOf({ attributes }: Universe, patterns: readonly PeerPattern[], config: MeshConfig): readonly number[] {
  const peer = attributes.find(({ name }) => name === 'peer');
  if (peer?.kind !== 'certificate') return [];
  const { first, variable } = peer;
  const nobody = variable.levels.map(() => 0);
  return nobody.flatMap((_, index) => {
    if (index === 0) return [];
    const [uri] = variable.decode(nobody.with(index, 1))?.uris ?? [];
    if (uri === undefined || trustedPrefixes(config).some((prefix) => uri.startsWith(prefix))) return [];
    return patterns.some((pattern) => acceptsPeer(pattern, uri)) ? [first + index] : [];
  });
}
