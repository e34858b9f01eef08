/**
 * Rules that surely have a part in verdicts, each shown by one call that it alone lets in: most rules of real meshes list
 * exact values, and one look at a call is cheaper than a diagram of all. What finds no such call is left to diagrams.
 */
import type { AuthorizationPolicy, Clause, Rule } from '../../language/authorization.ts';
import type { MeshConfig, Workload } from '../../language/mesh.ts';
import { applicable } from '../attachment.ts';
import { ANYBODY, exactPeers } from '../compare/rule-audit.ts';
import { resolveListener } from '../listener.ts';
import { isPlainPath } from '../normalize.ts';
import { covers, type Facts, rulesOnChain } from '../rules.ts';
import type { World } from '../world.ts';

/** Whose value no call of ours has, so that a rule about it could match other calls than those looked at. */
const UNKNOWN: ReadonlySet<Clause['on']> = new Set<Clause['on']>(['address', 'sni', 'metadata']);

/** Calls that are looked at for one rule. */
const MOST_CALLS = 16;

/** The rules of a workload that some call through its port needs; none where policies other than ALLOW decide too. */
export function neededRules(world: World, workload: Workload, port: number): readonly Rule[] {
  const listener = resolveListener(world.mesh, workload, port);
  if (listener.kind !== 'sidecar' || listener.protocol !== 'http' || listener.mode === 'DISABLE') return [];
  const policies = applicable(world.mesh.authorizationPolicies, world.mesh, workload).filter(
    ({ enforcement }) => enforcement === 'enforced',
  );
  if (!policies.every(isReadable)) return [];
  const rules = rulesOnChain(policies, 'http', world.profile);
  const named = rules.flatMap(({ rule }) => exactPeers(rule).map((peer) => ({ peer, rule })));
  const byPeer = Map.groupBy(named, ({ peer }) => peer);
  const anybody = byPeer.get(ANYBODY) ?? [];
  return rules.flatMap(({ policy, rule }) => {
    const isAlone = callsOf(rule, port, world.mesh.config).some(
      (facts) =>
        covers(rule, facts, world.profile) &&
        ![...(byPeer.get(facts.identities?.[0] ?? ANYBODY) ?? []), ...anybody].some(
          ({ rule: other }) => other !== rule && covers(other, facts, world.profile),
        ),
    );
    return isAlone ? [policy.rules[rule.index] ?? rule] : [];
  });
}

function isReadable({ action, rules }: AuthorizationPolicy): boolean {
  return (
    action.kind === 'ALLOW' &&
    rules.every(({ parts }) =>
      parts.every(({ alternatives }) => !alternatives.flat().some(({ on }) => UNKNOWN.has(on))),
    )
  );
}

/** Calls with values that the rule lists; identities whose certificates are accepted, paths that nothing changes. */
function callsOf({ parts }: Rule, port: number, config: MeshConfig): readonly Facts[] {
  const clauses = parts.flatMap(({ alternatives }) => alternatives.flat());
  const identities = clauses.flatMap((clause) =>
    clause.on === 'peer'
      ? clause.values.flatMap((value) =>
          value.kind === 'principal' && value.pattern.kind === 'exact' ? [value.pattern.value] : [],
        )
      : [],
  );
  const paths = clauses.flatMap((clause) =>
    clause.on === 'path' ? clause.values.flatMap((value) => (value.kind === 'exact' ? [value.value] : [])) : [],
  );
  const methods = clauses.flatMap((clause) =>
    clause.on === 'method' ? clause.values.flatMap((value) => (value.kind === 'exact' ? [value.value] : [])) : [],
  );
  const calls: Facts[] = [];
  for (const identity of identities.filter((each) => isAccepted(each, config)))
    for (const path of paths.filter(isPlainPath))
      for (const method of methods.length === 0 ? ['POST'] : methods.filter((each) => /^[A-Z]+$/.test(each)))
        if (calls.length < MOST_CALLS) calls.push(call(identity, port, { method, path }));
  return calls;
}

/** True iff the identity is one of a workload, of a trust domain that the handshake accepts. */
function isAccepted(identity: string, config: MeshConfig): boolean {
  const domain = /^spiffe:\/\/([^/]+)\/ns\/[a-z0-9-]+\/sa\/[a-z0-9.-]+$/.exec(identity)?.[1];
  return (
    domain !== undefined &&
    [config.trustDomain, ...config.trustDomainAliases, ...config.certificateTrustDomains].includes(domain)
  );
}

function call(
  identity: string,
  port: number,
  { method, path }: { readonly method: string; readonly path: string },
): Facts {
  return {
    identities: [identity],
    sourceIp: null,
    remoteIp: null,
    destinationIp: null,
    port,
    sni: '',
    metadata: {},
    http: { method, path, pathAndQuery: path, host: 'host', authority: 'host', headers: new Map(), claims: null },
  };
}
