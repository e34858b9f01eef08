/**
 * AuthorizationPolicies as istiod sends them to ztunnel, which knows peers, addresses and ports alone. What is left of a
 * rule is said in clauses that all evaluators know. Source: semantics.md 12; istio `ambient/authorization.go`
 * (`convertAuthorizationPolicy`, `handleRule`), ztunnel `rbac.rs` (`Authorization::matches`).
 */
import type {
  AuthorizationPolicy,
  Clause,
  Pattern,
  PeerPattern,
  Rule,
  RulePart,
} from '../../language/authorization.ts';
import { parsePattern } from '../../language/parse-pattern.ts';
import type { ChainRule } from '../rules.ts';
import { unreachable } from '../unreachable.ts';

/** Of the policies that apply to a workload, those that its ztunnel is sent: neither targetRefs, AUDIT, CUSTOM nor dry-run. */
export function policiesAtZtunnel(policies: readonly AuthorizationPolicy[]): readonly AuthorizationPolicy[] {
  return policies.filter(
    ({ action, attachment, enforcement }) =>
      (action.kind === 'ALLOW' || action.kind === 'DENY') &&
      attachment.kind !== 'targetRefs' &&
      enforcement === 'enforced',
  );
}

/** The rules of these policies that ztunnel can match at all; an ALLOW policy may be left with none. */
export function rulesAtZtunnel(policies: readonly AuthorizationPolicy[]): readonly ChainRule[] {
  return policies.flatMap((policy) =>
    policy.rules.flatMap((rule) => {
      const lowered = lowerRule(rule, policy.action.kind);
      return lowered === undefined ? [] : [{ policy, rule: lowered }];
    }),
  );
}

/** Why ztunnel does not enforce a rule as it is written. */
export type RuleLoss =
  | { readonly kind: 'kept' }
  /** An ALLOW rule that needs HTTP is left out as a whole. */
  | { readonly kind: 'omitted'; readonly by: readonly string[] }
  /** A DENY rule of which nothing is left in some clause never matches. */
  | { readonly kind: 'emptied'; readonly by: readonly string[] }
  /** Fields are dropped from a rule that stays. */
  | { readonly kind: 'stripped'; readonly by: readonly string[] };

/** What ztunnel loses of a rule; `by` names the fields, each once. */
export function lossOf(rule: Rule, action: AuthorizationPolicy['action']['kind']): RuleLoss {
  const clauses = rule.parts.flatMap((part) => part.alternatives.flat().map((clause) => ({ part, clause })));
  const http = clauses.filter(({ part, clause }) => needsHttp(clause, part.kind));
  const dropped = clauses.filter(({ part, clause }) => tryLower(clause, part.kind) === undefined);
  const by = [
    ...new Set((action === 'ALLOW' && http.length > 0 ? http : dropped).map(({ clause }) => fieldOf(clause))),
  ];
  if (action === 'ALLOW' && http.length > 0) return { kind: 'omitted', by };
  if (lowerRule(rule, action) === undefined) return { kind: 'emptied', by };
  return by.length === 0 ? { kind: 'kept' } : { kind: 'stripped', by };
}

/** Undefined iff the rule takes no part. An alternative of which nothing is left never matches, whatever the action. */
function lowerRule(rule: Rule, action: AuthorizationPolicy['action']['kind']): Rule | undefined {
  if (
    action === 'ALLOW' &&
    rule.parts.some(({ kind, alternatives }) => alternatives.flat().some((clause) => needsHttp(clause, kind)))
  )
    return undefined;
  const parts: RulePart[] = [];
  for (const { kind, alternatives } of rule.parts) {
    const left = alternatives
      .map((clauses) => clauses.flatMap((clause) => tryLower(clause, kind) ?? []))
      .filter((clauses) => clauses.length > 0);
    if (left.length === 0) return undefined;
    parts.push({ kind, alternatives: left });
  }
  return { ...rule, parts };
}

/** What istiod counts as HTTP for ztunnel; of conditions all but five keys, the service account among them. */
function needsHttp(clause: Clause, part: RulePart['kind']): boolean {
  switch (clause.on) {
    case 'host':
    case 'method':
    case 'path':
    case 'header':
    case 'claim':
    case 'requestPrincipal':
    case 'metadata':
    case 'sni':
    case 'unknownKey':
      return true;
    case 'address':
      return clause.of === 'remote';
    case 'peer':
      return part === 'when' && (clause.field === 'serviceAccount' || clause.field === 'trustDomain');
    case 'port':
      return false;
    default:
      return unreachable(clause);
  }
}

/** The clause as ztunnel tests it, undefined where nothing is left of it: values that cannot be read are dropped too. */
function tryLower(clause: Clause, part: RulePart['kind']): Clause | undefined {
  if (needsHttp(clause, part)) return undefined;
  const lowered = clause.on === 'peer' ? tryLowerPeer(clause) : clause;
  if (lowered === undefined || lowered.values.length + lowered.notValues.length === 0) return undefined;
  return { ...lowered, unusable: [] };
}

/** Names are compared exactly, aliases are not known, and trust domains have no field. */
function tryLowerPeer(clause: Extract<Clause, { on: 'peer' }>): Clause | undefined {
  if (clause.field === 'trustDomain') return undefined;
  const { values, notValues } = clause.asWritten ?? clause;
  return {
    on: 'peer',
    field: clause.field,
    values: values.map(peerAtZtunnel),
    notValues: notValues.map(peerAtZtunnel),
    unusable: [],
  };
}

const ANY: Pattern = { kind: 'present' };
const exact = (value: string): Pattern => ({ kind: 'exact', value });

function peerAtZtunnel(pattern: PeerPattern): PeerPattern {
  switch (pattern.kind) {
    case 'namespace':
      return {
        kind: 'segments',
        trustDomain: ANY,
        namespace: parsePattern(pattern.pieces.join('*'), 'nonEmpty'),
        serviceAccount: ANY,
      };
    case 'serviceAccount':
      return {
        kind: 'segments',
        trustDomain: ANY,
        namespace: exact(pattern.namespace),
        serviceAccount: exact(pattern.name),
      };
    default:
      return pattern;
  }
}

const FIELDS: Readonly<Record<Clause['on'], string>> = {
  peer: 'trustDomains',
  address: 'remoteIpBlocks',
  port: 'ports',
  sni: 'connection.sni',
  host: 'hosts',
  method: 'methods',
  path: 'paths',
  header: 'request.headers',
  requestPrincipal: 'requestPrincipals',
  claim: 'request.auth.claims',
  metadata: 'experimental.envoy.filters',
  unknownKey: 'an unknown key',
};

/** The field of the YAML, in words; of conditions the kind of their key. */
function fieldOf(clause: Clause): string {
  if (clause.on === 'peer') return clause.field === 'serviceAccount' ? 'source.serviceAccount' : FIELDS.peer;
  if (clause.on === 'address' && clause.of !== 'remote') return 'ipBlocks';
  return FIELDS[clause.on];
}
