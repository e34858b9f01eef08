/**
 * The rules of one action on one chain, found by exact peer, then exact path; what names no peer is looked at for all.
 * Rules are cut into boxes; a box stands under every peer it can match.
 */
import type { ChainRule } from '../rules.ts';
import type { Verdict } from '../verdict.ts';
import { BoxList } from './box-list.ts';
import { type Box, cutRule, type IndexContext } from './cut-rule.ts';
import type { Query } from './query.ts';

/** Finds the first rule that covers a query; its verdict is `base` with that rule. */
export class RuleIndex {
  readonly #byPeer = new Map<string, BoxList>();
  readonly #anyPeer = new BoxList();

  constructor(rules: readonly ChainRule[], base: Verdict, context: IndexContext) {
    rules.forEach(({ policy, rule }, number) => {
      const verdict = { ...base, rule: { number, policy, index: rule.index, at: rule.at } };
      for (const { box, peers } of cutRule(rule, { number, verdict }, context)) {
        if (peers === null) this.#anyPeer.add(box);
        else for (const peer of peers) this.#of(peer).add(box);
      }
    });
  }

  /** The verdict of the first rule that covers the query, undefined when none does. */
  firstMatch(query: Query): Verdict | undefined {
    let best: Box | null = null;
    if (query.identities !== null && this.#byPeer.size > 0) {
      for (const identity of query.identities) {
        const boxes = this.#byPeer.get(identity);
        if (boxes !== undefined) best = boxes.firstMatch(query, best);
      }
    }
    return this.#anyPeer.firstMatch(query, best)?.verdict;
  }

  #of(peer: string): BoxList {
    let boxes = this.#byPeer.get(peer);
    if (boxes === undefined) {
      boxes = new BoxList();
      this.#byPeer.set(peer, boxes);
    }
    return boxes;
  }
}
