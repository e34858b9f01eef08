/**
 * Whether each rule has a part in the verdicts, decided exactly at every port it applies to: a rule is *vacuous* when it
 * matches no request, *redundant* when others of its action match all that it matches, *shadowed* when DENY rules stop
 * all that it allows, *overridden* when nothing that it denies would be allowed without it.
 */
import type { AuthorizationPolicy, Rule } from '../../language/authorization.ts';
import type { Mesh } from '../../language/mesh.ts';
import type { RuleMatch } from '../symbolic/chain.ts';
import type { Node } from '../symbolic/diagram.ts';
import type { ProxyDecision } from '../symbolic/proxy.ts';
import type { Universe } from '../symbolic/universe.ts';
import type { Ledger } from './obligation.ts';
import { tryFindUnseenRead } from './unseen-reads.ts';

/** A rule without a part in the verdicts; a vacuous one matches no request at all. */
export interface IdleRule {
  readonly policy: AuthorizationPolicy;
  readonly rule: Rule;
  readonly kind: 'vacuous' | 'redundant' | 'shadowed' | 'overridden';
  /** Whether the rule's words hold of some request, be it one that the handshake or the codec refuses before. */
  readonly couldMatch: boolean;
}

interface Finding {
  readonly policy: AuthorizationPolicy;
  matches: boolean;
  couldMatch: boolean;
  /** Some place where no other rule of the action matches as much. */
  isNeeded: boolean;
  /** Some place where it changes a verdict, other rules of its action set aside. */
  hasEffect: boolean;
}

/** Collects what the rules of a mesh do at its ports. */
export class RuleAudit {
  readonly #findings = new Map<Rule, Finding>();
  #leftOut = false;

  /** Some port could not be decided: what a rule does there is not known. */
  leaveOut(): void {
    this.#leftOut = true;
  }

  /** Looks at the rules of one port in a universe that knows their tests. */
  add(universe: Universe, { rules }: Pick<ProxyDecision, 'rules'>): void {
    for (const own of Map.groupBy(rules, ({ at, chain }) => `${chain} ${at}`).values()) this.#addChain(universe, own);
  }

  /** Looks at the rules of one port where none of them can match: no universe is needed to know that. */
  addSilent(rules: readonly RuleMatch[]): void {
    for (const rule of rules) this.#of(rule);
  }

  /** Takes note of rules that are known to match requests to one port, to change verdicts there and to be needed. */
  addNeeded(rules: readonly RuleMatch[]): void {
    for (const rule of rules) {
      const found = this.#of(rule);
      found.matches = true;
      found.couldMatch = true;
      found.isNeeded = true;
      found.hasEffect = true;
    }
  }

  #addChain(universe: Universe, rules: readonly RuleMatch[]): void {
    const { diagrams } = universe;
    const possible = universe.possible();
    const matched = rules.map((each) =>
      diagrams.all([universe.node(each.covers), universe.node(each.arrives), possible]),
    );
    const of = (kind: string) => rules.flatMap((each, index) => (each.policy.action.kind === kind ? [index] : []));
    const [allow, deny] = [of('ALLOW'), of('DENY')];
    const denied = diagrams.some(deny.map((index) => matched[index] ?? diagrams.never));
    const allowed =
      rules[0]?.otherwise === 'deny'
        ? diagrams.some(allow.map((index) => matched[index] ?? diagrams.never))
        : diagrams.always;
    rules.forEach((each, index) => {
      const node = matched[index] ?? diagrams.never;
      const found = this.#of(each);
      if (node === diagrams.never) {
        found.couldMatch ||= diagrams.and(universe.node(each.covers), possible) !== diagrams.never;
        return;
      }
      found.matches = true;
      found.couldMatch = true;
      const { kind } = each.policy.action;
      if (kind === 'ALLOW') found.hasEffect ||= diagrams.minus(node, denied) !== diagrams.never;
      else if (kind === 'DENY') found.hasEffect ||= diagrams.and(node, allowed) !== diagrams.never;
      else found.hasEffect = true;
      if (kind !== 'ALLOW' && kind !== 'DENY') found.isNeeded = true;
    });
    for (const same of [allow, deny]) this.#addNeed(universe, same, { rules, matched });
  }

  #addNeed(
    { diagrams }: Universe,
    same: readonly number[],
    { rules, matched }: { readonly rules: readonly RuleMatch[]; readonly matched: readonly Node[] },
  ): void {
    const byPeer = new Map<string, number[]>();
    for (const index of same) {
      for (const peer of exactPeers(rules[index]?.rule)) {
        const list = byPeer.get(peer);
        if (list === undefined) byPeer.set(peer, [index]);
        else list.push(index);
      }
    }
    const anybody = byPeer.get(ANYBODY) ?? [];
    for (const index of same) {
      const match = rules[index];
      const node = matched[index] ?? diagrams.never;
      if (match === undefined || node === diagrams.never) continue;
      const found = this.#of(match);
      if (found.isNeeded) continue;
      const peers = exactPeers(match.rule);
      const others = new Set(
        peers.includes(ANYBODY) ? same : [...anybody, ...peers.flatMap((peer) => byPeer.get(peer) ?? [])],
      );
      others.delete(index);
      const rest = diagrams.some([...others].map((other) => matched[other] ?? diagrams.never));
      if (diagrams.minus(node, rest) !== diagrams.never) found.isNeeded = true;
    }
  }

  #of({ rule, policy }: RuleMatch): Finding {
    const known = this.#findings.get(rule);
    if (known !== undefined) return known;
    const made = { policy, matches: false, couldMatch: false, isNeeded: false, hasEffect: false };
    this.#findings.set(rule, made);
    return made;
  }

  /** Says which rules match nothing; those of policies that apply nowhere are among them. */
  closeVacuous(ledger: Ledger, mesh: Mesh): void {
    for (const policy of mesh.authorizationPolicies) {
      if (policy.enforcement === 'dryRun') continue;
      for (const rule of policy.rules)
        if (this.#findings.get(rule)?.matches !== true) this.#fault(ledger, mesh, { policy, rule, kind: 'vacuous' });
    }
  }

  /** Says which rules match requests and change no verdict. */
  closeIdle(ledger: Ledger, mesh: Mesh): void {
    if (this.#leftOut) this.#leaveOpen(ledger);
    for (const idle of this.idleRules()) if (idle.kind !== 'vacuous') this.#fault(ledger, mesh, idle);
  }

  /** The rules that were looked at and have no part in any verdict. */
  *idleRules(): Iterable<IdleRule> {
    for (const [rule, { policy, matches, couldMatch, isNeeded, hasEffect }] of this.#findings) {
      const idle = policy.action.kind === 'DENY' ? ('overridden' as const) : ('shadowed' as const);
      if (!matches) yield { policy, rule, couldMatch, kind: 'vacuous' };
      else if (!hasEffect) yield { policy, rule, couldMatch, kind: idle };
      else if (!isNeeded) yield { policy, rule, couldMatch, kind: 'redundant' };
    }
  }

  #leaveOpen(ledger: Ledger): void {
    ledger.unknown = true;
    ledger.notes.add('ports that could not be decided may be what some rules are for');
  }

  #fault(ledger: Ledger, mesh: Mesh, { policy, rule, kind }: Omit<IdleRule, 'couldMatch'>): void {
    const { namespace, name } = policy;
    const unseen = tryFindUnseenRead(mesh, policy, rule);
    if (unseen !== undefined) {
      ledger.assumptions.add(`\`${namespace}/${name}\` rule ${rule.index} has a part: ${unseen} are not looked at`);
      return;
    }
    if (this.#leftOut) {
      this.#leaveOpen(ledger);
      return;
    }
    ledger.failed = true;
    ledger.notes.add(`\`${namespace}/${name}\` rule ${rule.index} (${rule.at.file}:${rule.at.line}) ${WORDS[kind]}`);
  }
}

const WORDS: Readonly<Record<IdleRule['kind'], string>> = {
  vacuous: 'matches no request to any workload, from callers of one identity each',
  redundant: 'is redundant: other rules match all that it matches',
  shadowed: 'is shadowed: DENY rules stop all that it allows',
  overridden: 'is overridden: nothing that it denies would be allowed without it',
};

/** Stands for peers that a rule does not list one by one. */
export const ANYBODY = '';

/** The identities that a rule lists, if it matches nobody else; rules with none in common match nothing in common. */
export function exactPeers(rule: Rule | undefined): readonly string[] {
  const from = rule?.parts.find(({ kind }) => kind === 'from');
  if (from === undefined) return [ANYBODY];
  const found = new Set<string>();
  for (const clauses of from.alternatives) {
    const clause = clauses.find((each) => each.on === 'peer' && each.values.length > 0);
    if (clause?.on !== 'peer') return [ANYBODY];
    for (const value of clause.values) {
      if (value.kind !== 'principal' || value.pattern.kind !== 'exact') return [ANYBODY];
      found.add(value.pattern.value);
    }
  }
  return [...found];
}
