/** Which rules have no part in any verdict, decided with diagrams at every port that they apply to. */
import type { Rule } from '../../language/authorization.ts';
import type { Mesh, Workload } from '../../language/mesh.ts';
import { MeshIndex, portsOf, undeclaredWorkload } from '../compare/destinations.ts';
import { type IdleRule, RuleAudit } from '../compare/rule-audit.ts';
import { tryFindUnseenRead } from '../compare/unseen-reads.ts';
import type { Profile } from '../profile.ts';
import { BudgetExceeded } from '../symbolic/diagram.ts';
import { Effort } from '../symbolic/effort.ts';
import { decideAtProxy } from '../symbolic/proxy.ts';
import { Universe } from '../symbolic/universe.ts';
import { neededRules } from './needed-rules.ts';

/** What became of the rules of a mesh. */
export interface RuleParts {
  readonly idle: readonly IdleRule[];
  /** Workloads with a port that took too much to decide: what their rules do there is not known. */
  readonly undecided: readonly Workload[];
  /** Rules that seem idle and read what requests are taken not to carry: tokens in other places. */
  readonly unread: readonly IdleRule[];
}

/** Decides about every rule, also at pods that nobody declared. Rules of `undecided` workloads are not among the idle. */
export function rulePartsOf(mesh: Mesh, profile: Profile): RuleParts {
  const index = new MeshIndex(mesh);
  const audit = new RuleAudit();
  const effort = new Effort();
  const undecided: Workload[] = [];
  const needed = new Set<Rule>();
  const look = (workload: Workload, around: Mesh) => {
    const world = { mesh: around, profile, issuerKeys: new Map() };
    for (const { number } of workload.ports) for (const rule of neededRules(world, workload, number)) needed.add(rule);
    if (around.authorizationPolicies.every(({ rules }) => rules.every((rule) => needed.has(rule)))) return;
    try {
      auditWorkload(audit, workload, { mesh: around, profile, effort });
    } catch (error) {
      if (!(error instanceof BudgetExceeded)) throw error;
      undecided.push(workload);
    }
  };
  for (const workload of mesh.workloads) look(workload, index.around(workload));
  for (const namespace of new Set(mesh.workloads.map((workload) => workload.namespace))) {
    const workload = undeclaredWorkload(namespace);
    const around = index.around(workload);
    look(workload, { ...around, workloads: [...around.workloads, workload] });
  }
  const doubtful = new Set(undecided.flatMap((workload) => index.around(workload).authorizationPolicies));
  const found = [...audit.idleRules()].filter(({ policy, rule }) => !needed.has(rule) && !doubtful.has(policy));
  const isUnread = ({ policy, rule }: IdleRule) => tryFindUnseenRead(mesh, policy, rule) !== undefined;
  return { idle: found.filter((each) => !isUnread(each)), undecided, unread: found.filter(isUnread) };
}

interface Around {
  readonly mesh: Mesh;
  readonly profile: Profile;
  readonly effort: Effort;
}

/** Errors: throws `BudgetExceeded`. */
function auditWorkload(audit: RuleAudit, workload: Workload, { mesh, profile, effort }: Around): void {
  const world = { mesh, profile, issuerKeys: new Map() };
  const ports = portsOf(mesh, workload, []);
  for (const port of [...ports.named, ports.other]) {
    const decision = decideAtProxy({ world, workload, port, ip: null });
    if (decision.rules.every(({ covers }) => covers.kind === 'never')) {
      audit.addSilent(decision.rules);
      continue;
    }
    const universe = new Universe(
      decision.rules.flatMap(({ covers, arrives }) => [covers, arrives]),
      { config: mesh.config, headers: profile.repeatedHeaders, peers: 'single', identities: [], effort },
    );
    audit.add(universe, decision);
  }
}
