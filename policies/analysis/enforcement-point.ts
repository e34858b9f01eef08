/** Where rules are enforced: the policies that a proxy knows, and their rules as they take part there. */
import type { Action, AuthorizationPolicy } from '../language/authorization.ts';
import type { JwtRule, Mesh, RequestAuthentication, Workload } from '../language/mesh.ts';
import { isAmbient } from './ambient/capture.ts';
import { attachedTo, authenticationsAt, type Entrance, entrancesBefore, entrancesOf } from './ambient/waypoints.ts';
import { policiesAtZtunnel, rulesAtZtunnel } from './ambient/ztunnel-rules.ts';
import { applicable, authenticationsOf, tokenRulesOf } from './attachment.ts';
import type { Profile } from './profile.ts';
import { type ChainRule, rulesOnChain } from './rules.ts';

/** One proxy, as far as its policies go: the sidecar or gateway of a workload, its ztunnel, or a waypoint before it. */
export interface EnforcementPoint {
  /** The enforced policies of every action: AUDIT and dry-run never change a verdict (semantics.md 3, 3.12). */
  readonly policies: readonly AuthorizationPolicy[];
  /** The rules of some of these policies as they take part on a chain. */
  rulesOn(chain: 'http' | 'tcp', policies: readonly AuthorizationPolicy[]): readonly ChainRule[];
  /** The RequestAuthentications that it knows, in the order in which istiod looks at them. */
  readonly authentications: readonly RequestAuthentication[];
}

/** The rules for tokens at a point. */
export function tokenRulesAt({ authentications }: EnforcementPoint): readonly JwtRule[] {
  return authentications.flatMap(({ rules }) => rules);
}

/** The policies of one action at a point. */
export function ofAction({ policies }: EnforcementPoint, action: Action['kind']): readonly AuthorizationPolicy[] {
  return policies.filter((policy) => policy.action.kind === action);
}

/** The point at the workload itself: its ztunnel where one captures it, else its sidecar or gateway. */
export function enforcementAt(mesh: Mesh, workload: Workload, profile: Profile): EnforcementPoint {
  const policies = applicable(mesh.authorizationPolicies, mesh, workload);
  if (isAmbient(mesh, workload))
    return { policies: policiesAtZtunnel(policies), rulesOn: (_, some) => rulesAtZtunnel(some), authentications: [] };
  return envoyPoint(policies, authenticationsOf(mesh, workload), profile);
}

/** The rules for tokens before a port: the workload's own, or in ambient those of the waypoints before it. */
export function tokenRulesBefore(mesh: Mesh, workload: Workload, port: number): readonly JwtRule[] {
  if (!isAmbient(mesh, workload)) return tokenRulesOf(mesh, workload);
  const authentications = entrancesOf(mesh, workload, port).flatMap((entrance) => authenticationsAt(mesh, entrance));
  return [...new Set(authentications)].flatMap(({ rules }) => rules);
}

/** The RequestAuthentications of any port of a workload: its own, or in ambient those of the waypoints before it. */
export function authenticationsBefore(mesh: Mesh, workload: Workload): readonly RequestAuthentication[] {
  if (!isAmbient(mesh, workload)) return authenticationsOf(mesh, workload);
  return [...new Set(entrancesBefore(mesh, workload).flatMap((entrance) => authenticationsAt(mesh, entrance)))];
}

/** The point at a waypoint. */
export function enforcementAtWaypoint(mesh: Mesh, entrance: Entrance, profile: Profile): EnforcementPoint {
  const policies = attachedTo(mesh.authorizationPolicies, mesh, entrance);
  return envoyPoint(policies, authenticationsAt(mesh, entrance), profile);
}

/** A point where Envoy enforces the policies, those that are enforced at all. */
function envoyPoint(
  policies: readonly AuthorizationPolicy[],
  authentications: readonly RequestAuthentication[],
  profile: Profile,
): EnforcementPoint {
  return {
    policies: policies.filter(({ enforcement }) => enforcement === 'enforced'),
    rulesOn: (chain, some) => rulesOnChain(some, chain, profile),
    authentications,
  };
}
