/** Tokens that were refused and are not, and issuers whose keys became others. */
import type { JwtRule } from '../../../language/mesh.ts';
import { authenticationsBefore } from '../../enforcement-point.ts';
import { plainAssignment, tryFindCheapest } from '../../symbolic/cheapest.ts';
import { all, not } from '../../symbolic/formula.ts';
import { decodeRequest } from '../../symbolic/sample.ts';
import { type SymbolicTokenOutcome, verifyToken } from '../../symbolic/token.ts';
import { Universe } from '../../symbolic/universe.ts';
import { verifiers } from '../../token.ts';
import type { PreparedMesh, PreparedWorkload } from '../prepared.ts';
import type { Pair } from '../sides.ts';
import { type Weakening, weakening } from './weakening.ts';

/** RequestAuthentication of one workload. */
export function weakenedTokens(pair: Pair, was: PreparedWorkload, is: PreparedWorkload): readonly Weakening[] {
  const [old, current] = [rulesOf(pair.before, was), rulesOf(pair.after, is)];
  if (old.length === 0) return [];
  if (current.length === 0)
    return [weakening('token', pair.name, 'no RequestAuthentication looks at tokens any more: none is refused')];
  const [earlier, later] = [outcomeOf(old), outcomeOf(current)];
  const keys = keysChanged(old, current).map((issuer) =>
    weakening('token-keys', pair.name, `tokens of \`${issuer}\` are verified with other keys`),
  );
  const example = letThrough(pair, earlier, later);
  if (example === undefined) return keys;
  return [...keys, weakening('token', pair.name, `a token such as ${example} was refused and is not any more`)];
}

function rulesOf({ index }: PreparedMesh, { workload }: PreparedWorkload): readonly JwtRule[] {
  const mesh = index.slice(workload.namespace);
  return authenticationsBefore(mesh, workload).flatMap(({ rules }) => rules);
}

const outcomeOf = (rules: readonly JwtRule[]): SymbolicTokenOutcome => verifyToken(verifiers(rules, new Map()));

function keysChanged(old: readonly JwtRule[], current: readonly JwtRule[]): readonly string[] {
  const keysOf = (rules: readonly JwtRule[], issuer: string) =>
    JSON.stringify(
      rules
        .filter((rule) => rule.issuer === issuer)
        .map(({ keys }) => JSON.stringify(keys))
        .toSorted(),
    );
  const issuers = [...new Set(old.map(({ issuer }) => issuer))];
  return issuers.filter(
    (issuer) => current.some((rule) => rule.issuer === issuer) && keysOf(old, issuer) !== keysOf(current, issuer),
  );
}

function letThrough(pair: Pair, earlier: SymbolicTokenOutcome, later: SymbolicTokenOutcome): string | undefined {
  const { mesh, profile } = pair.after;
  const opened = all([earlier.refused, not(later.refused)]);
  const universe = new Universe([opened], {
    config: mesh.config,
    headers: profile.repeatedHeaders,
    peers: 'single',
    identities: [],
  });
  const node = universe.diagrams.and(universe.node(opened), universe.possible());
  const found = tryFindCheapest(universe, node, plainAssignment(universe));
  if (found === undefined) return undefined;
  const reading = { config: mesh.config, profile, verifiers: [] };
  const destination = { namespace: '', workload: '', port: 1 };
  return JSON.stringify(decodeRequest(universe, found.assignment, { id: '', destination, reading })['jwt']);
}
