/** Proves that a port has the same verdicts under every semantics profile, or shows a request that has not. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import { toAnswer } from '../answer.ts';
import { applicable } from '../attachment.ts';
import { compile } from '../compile.ts';
import { PROFILES, type Profile } from '../profile.ts';
import { BudgetExceeded } from '../symbolic/diagram.ts';
import { peersToCompare } from '../symbolic/one-identity.ts';
import { decideAtProxy } from '../symbolic/proxy.ts';
import { Universe } from '../symbolic/universe.ts';
import { type Counterexample, cellOf, confirm, deciderOf, requestOf, tryFindNearest } from './counterexample.ts';
import type { Ledger } from './obligation.ts';
import { type Place, siteOf } from './site-check.ts';

/** Compares the decisions of one port under the place's own profile with those under all others. */
export function checkProfiles(place: Place, ledger: Ledger): void {
  const { world, workload } = place;
  if (!applicable(world.mesh.authorizationPolicies, world.mesh, workload).some(readsProfile)) return;
  for (const other of Object.values(PROFILES)) {
    if (other.trustDomainFields === world.profile.trustDomainFields) continue;
    try {
      const found = tryFindDifference(place, other);
      if (found !== undefined) ledger.counterexamples.push(found);
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      ledger.unknown = true;
      ledger.notes.add(`\`${workload.namespace}/${workload.name}\` port ${place.port}: ${error.message}`);
    }
  }
}

/** The named profiles differ in one thing: whether trust domains are fields of their own. */
function readsProfile({ rules }: AuthorizationPolicy): boolean {
  return rules.some(({ parts }) =>
    parts.some(({ alternatives }) =>
      alternatives.some((clauses) => clauses.some((clause) => clause.on === 'peer' && clause.field === 'trustDomain')),
    ),
  );
}

function tryFindDifference(place: Place, other: Profile): Counterexample | undefined {
  const { world, effort } = place;
  const [own, theirs] = [world.profile, other].map((profile) =>
    decideAtProxy({ ...place, world: { ...world, profile }, ip: null }),
  );
  if (own === undefined || theirs === undefined) return undefined;
  const universe = new Universe([own.allowed, theirs.allowed], {
    config: world.mesh.config,
    headers: world.profile.repeatedHeaders,
    peers: peersToCompare([own.allowed, theirs.allowed]),
    identities: [],
    effort,
  });
  const { diagrams } = universe;
  const [here, there] = [universe.node(own.allowed), universe.node(theirs.allowed)];
  const site = siteOf(place, universe);
  const found = tryFindNearest(site, diagrams.and(diagrams.xor(here, there), universe.possible()), []);
  if (found === undefined) return undefined;
  const made = requestOf(site, found.assignment, '1');
  const isAllowed = diagrams.evaluate(here, (level) => found.assignment[level] ?? 0);
  confirm(site, deciderOf(site), made, isAllowed);
  const decider = compile(world.mesh, other, { issuerKeys: world.issuerKeys });
  confirm(site, decider, made, !isAllowed);
  const { namespace, workload } = site.destination;
  return {
    cell: cellOf(site, made.json, null),
    request: made.json,
    expected: isAllowed ? 'allow' : 'deny',
    decided: toAnswer(made.request, decider.forWorkload({ namespace, workload }).decide(made.request)),
    differsIn: [],
    grant: null,
    change: `under ${other.name} the verdict is another than under ${world.profile.name}: \`trustDomains\` is read by one of them only`,
  };
}
