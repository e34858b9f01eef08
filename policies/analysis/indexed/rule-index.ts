/**
 * The rules of one action on one chain, found by exact peer, then exact path; what names no peer is looked at for all.
 * Rules are cut into boxes; a box stands under every peer it can match.
 */
import type { ChainRule } from '../rules.ts';
import type { Verdict } from '../verdict.ts';
import { BoxList, firstOf, type Link } from './box-list.ts';
import { CallerRecords } from './caller-records.ts';
import { type Box, cutRule, type IndexContext } from './cut-rule.ts';
import { NO_PEER, type Peer, type PeerTable } from './peer-table.ts';
import type { Query } from './query.ts';

/** Finds the first rule that covers a query; its verdict is `base` with that rule. */
export class RuleIndex {
  /** By half of the peer. */
  readonly #byPeer: (BoxList | undefined)[] = [];
  /** Of lists with few boxes the first, without the list in between. */
  readonly #few: readonly (Link | undefined)[];
  readonly #peers: PeerTable;
  readonly #anyPeer = new BoxList();
  /** Of callers whose rules are plain, where all rules name their callers. */
  readonly records: CallerRecords | null;

  constructor(rules: readonly ChainRule[], base: Verdict, context: IndexContext) {
    this.#peers = context.peers;
    rules.forEach(({ policy, rule }, number) => {
      const verdict = { ...base, rule: { number, policy, index: rule.index, at: rule.at } };
      for (const { box, peers } of cutRule(rule, { number, verdict }, context)) {
        if (peers === null) this.#anyPeer.add(box);
        else for (const peer of peers) this.#of(context.peers.add(peer)).add(box);
      }
    });
    this.#few = this.#byPeer.map((boxes) => boxes?.tryFew());
    this.records = this.#anyPeer.isEmpty() ? new CallerRecords(this.#few, context.paths) : null;
  }

  /** True iff no rule is there. */
  isEmpty(): boolean {
    return this.#byPeer.length === 0 && this.#anyPeer.isEmpty();
  }

  /** The verdict of the first rule that covers the query, undefined when none does. */
  firstMatch(query: Query): Verdict | undefined {
    let best: Box | null = null;
    if (query.peer >= 0) best = this.#ofPeer(query.peer >> 1, query);
    else if (query.identities !== null && query.identities.length > 1)
      for (const identity of query.identities)
        best = this.#byPeer[(this.#peers.tryFind(identity) ?? NO_PEER) >> 1]?.firstMatch(query, best) ?? best;
    return this.#anyPeer.firstMatch(query, best)?.verdict;
  }

  #ofPeer(place: number, query: Query): Box | null {
    const few = this.#few[place];
    return few === undefined ? (this.#byPeer[place]?.firstMatch(query, null) ?? null) : firstOf(few, query, null);
  }

  #of(peer: Peer): BoxList {
    const place = peer >> 1;
    while (this.#byPeer.length <= place) this.#byPeer.push(undefined);
    const boxes = this.#byPeer[place] ?? new BoxList();
    this.#byPeer[place] = boxes;
    return boxes;
  }
}
