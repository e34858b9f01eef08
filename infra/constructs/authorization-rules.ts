/**
 * Turns grants into rules of an ALLOW policy: exact principals, exact methods, exact paths, container ports, and never
 * a cross product. A rule belongs to one set of callers that all have the same methods under the same user claims.
 */
import type { Grant, UserRequirement } from '#policies/intent/index.ts';
import { compareText, type Principal, principalOf, sortedUnique } from './peer.ts';

/** Who: every source lists exact principals, and the token's issuer where a user is asked for. */
interface RuleSource {
  readonly source: { readonly principals: readonly Principal[]; readonly requestPrincipals?: readonly string[] };
}

/** What: all methods of one operation go with all of its paths, so one operation has one method. */
interface RuleOperation {
  readonly operation: {
    readonly ports: readonly string[];
    readonly methods?: readonly string[];
    readonly paths?: readonly string[];
  };
}

/** A claim that must hold by one of its values. */
interface RuleCondition {
  readonly key: string;
  readonly values: readonly string[];
}

/** One rule; without `from` anybody may (only the ingress gateway's public routes). */
export interface AuthorizationRule {
  readonly from?: readonly RuleSource[];
  readonly to: readonly RuleOperation[];
  readonly when?: readonly RuleCondition[];
}

/** Grants of one caller under one user requirement. */
interface CallerGrants {
  readonly principal: Principal | null;
  readonly user: UserRequirement | null;
  readonly operations: Map<string, Operation>;
}

interface Operation {
  readonly port: number;
  readonly method: string;
  readonly path: string;
}

/** A path template as AuthorizationPolicy writes it: `/orders/{id}` gives `/orders/{*}`. Source: semantics.md 3.8. */
export function policyPath(template: string): string {
  return template
    .split('/')
    .map((segment) => (/^\{[^{}]+\}$/.test(segment) ? '{*}' : segment))
    .join('/');
}

function principalOfCaller(grant: Grant, trustDomain: string): Principal | null {
  const { caller } = grant;
  if (caller.kind !== 'workload') return null;
  return principalOf(caller.trustDomain ?? trustDomain, caller.namespace, caller.serviceAccount);
}

function collect(grants: readonly Grant[], trustDomain: string): readonly CallerGrants[] {
  const callers = new Map<string, CallerGrants>();
  for (const grant of grants) {
    // The node has no identity and reaches the status port beside the proxy: no rule can speak of it.
    if (grant.caller.kind === 'node') continue;
    const principal = principalOfCaller(grant, trustDomain);
    const key = JSON.stringify([principal, grant.user]);
    const caller = callers.get(key) ?? { principal, user: grant.user, operations: new Map<string, Operation>() };
    const operation = {
      port: grant.port,
      method: grant.http?.method ?? '',
      path: grant.http === null ? '' : policyPath(grant.http.path),
    };
    caller.operations.set(`${operation.port} ${operation.method} ${operation.path}`, operation);
    callers.set(key, caller);
  }
  return [...callers.values()];
}

function operationsOf(operations: Iterable<Operation>): readonly RuleOperation[] {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const key = `${String(operation.port).padStart(5, '0')} ${operation.method}`;
    groups.set(key, [...(groups.get(key) ?? []), operation]);
  }
  return [...groups.entries()]
    .sort(([left], [right]) => compareText(left, right))
    .map(([, group]) => {
      const ports = sortedUnique(group.map(({ port }) => String(port)));
      const methods = sortedUnique(group.map(({ method }) => method));
      const isRaw = methods.join() === '';
      return { operation: isRaw ? { ports } : { ports, methods, paths: sortedUnique(group.map(({ path }) => path)) } };
    });
}

function conditionsOf(user: UserRequirement): readonly RuleCondition[] {
  const claims = user.claims.map(({ claim, values }) => ({
    key: `request.auth.claims[${claim}]`,
    values: sortedUnique(values),
  }));
  // RequestAuthentication checks the audience too; stated here, a second one for the same issuer cannot widen it.
  const audiences = { key: 'request.auth.audiences', values: sortedUnique(user.audiences) };
  return [audiences, ...claims].sort((left, right) => compareText(left.key, right.key));
}

function ruleOf(
  principals: readonly Principal[],
  user: UserRequirement | null,
  operations: Iterable<Operation>,
): AuthorizationRule {
  const source = user === null ? { principals } : { principals, requestPrincipals: [`${user.issuer}/*`] };
  return {
    ...(principals.length === 0 ? {} : { from: [{ source }] }),
    to: operationsOf(operations),
    ...(user === null ? {} : { when: conditionsOf(user) }),
  };
}

/** The rules that admit exactly `grants`, sorted: equal grants in any order give equal rules. */
export function authorizationRules(grants: readonly Grant[], trustDomain: string): readonly AuthorizationRule[] {
  const groups = new Map<string, CallerGrants[]>();
  for (const caller of collect(grants, trustDomain)) {
    const shape = sortedUnique(caller.operations.keys()).join('\n');
    const key = JSON.stringify([caller.principal === null, caller.user, shape]);
    groups.set(key, [...(groups.get(key) ?? []), caller]);
  }
  return [...groups.values()]
    .map((group) => {
      const principals = sortedUnique(group.flatMap(({ principal }) => principal ?? [])) as readonly Principal[];
      return ruleOf(principals, group[0]?.user ?? null, group[0]?.operations.values() ?? []);
    })
    .sort((left, right) => compareText(JSON.stringify(left), JSON.stringify(right)));
}
