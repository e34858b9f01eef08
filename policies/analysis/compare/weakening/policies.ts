/** AuthorizationPolicies beside the grants: the default deny, and requests that an external service was asked about. */
import type { Workload } from '../../../language/mesh.ts';
import { applicable } from '../../attachment.ts';
import { BudgetExceeded } from '../../symbolic/diagram.ts';
import { all, type Formula, not, some } from '../../symbolic/formula.ts';
import { peersToCompare } from '../../symbolic/one-identity.ts';
import { ruleMatches } from '../../symbolic/proxy.ts';
import { Universe } from '../../symbolic/universe.ts';
import type { PreparedMesh, PreparedWorkload } from '../prepared.ts';
import { allPorts, type Pair } from '../sides.ts';
import { type Weakening, weakening } from './weakening.ts';

/** What the policies of one workload no longer do. */
export function weakenedPolicies(pair: Pair, was: PreparedWorkload, is: PreparedWorkload): readonly Weakening[] {
  const found: Weakening[] = [];
  if (hasDefaultDeny(pair.before, was.workload) && !hasDefaultDeny(pair.after, is.workload))
    found.push(
      weakening('default-deny', pair.name, 'no ALLOW policy without rules applies any more: the default deny is gone'),
    );
  const unasked = asksLess(pair, was.workload, is.workload);
  if (unasked.length === 0) return found;
  const message = 'an external authorization service is asked about fewer requests';
  return [...found, { ...weakening('external-authorization', pair.name, message), ports: unasked }];
}

function hasDefaultDeny({ index }: PreparedMesh, workload: Workload): boolean {
  const mesh = index.slice(workload.namespace);
  return applicable(mesh.authorizationPolicies, mesh, workload).some(
    ({ action, enforcement, rules }) => action.kind === 'ALLOW' && enforcement === 'enforced' && rules.length === 0,
  );
}

function asksLess(pair: Pair, was: Workload, is: Workload): readonly (number | 'other')[] {
  return allPorts(pair).flatMap(({ port, label }) => {
    const old = asked(pair.before, was, port);
    if (old.kind === 'never') return [];
    const current = asked(pair.after, is, port);
    const lost = all([old, not(current)]);
    try {
      const universe = new Universe([lost], {
        config: pair.after.mesh.config,
        headers: pair.after.profile.repeatedHeaders,
        peers: peersToCompare([old, current]),
        identities: [],
      });
      const { diagrams } = universe;
      return diagrams.and(universe.node(lost), universe.possible()) === diagrams.never ? [] : [label];
    } catch (error) {
      // undecided counts as weaker: the reader is to look
      if (error instanceof BudgetExceeded) return [label];
      throw error;
    }
  });
}

function asked({ index, profile }: PreparedMesh, workload: Workload, port: number): Formula {
  const world = { mesh: index.slice(workload.namespace), profile, issuerKeys: new Map() };
  const rules = ruleMatches({ world, workload, port, ip: null });
  return some(rules.flatMap(({ policy, when }) => (policy.action.kind === 'CUSTOM' ? [when] : [])));
}
