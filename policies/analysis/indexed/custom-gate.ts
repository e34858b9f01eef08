/** CUSTOM rules: those that deny, or those that ask a provider whose answer is an assumption. */
import type { Verdict } from '../verdict.ts';
import { ExtraAssumptions } from './extra-assumptions.ts';
import type { Query } from './query.ts';
import type { RuleIndex } from './rule-index.ts';

/** The rules of one action with the verdict of each. */
export interface Ruling {
  readonly index: RuleIndex;
  /** By rule number. */
  readonly verdicts: readonly Verdict[];
}

/** What CUSTOM rules decide before the token is looked at. */
export class CustomGate {
  readonly #ruling: Ruling;
  readonly #assumption: ExtraAssumptions | null;

  constructor(ruling: Ruling, assumption: string | null) {
    this.#ruling = ruling;
    this.#assumption = assumption === null ? null : new ExtraAssumptions([assumption]);
  }

  /** The verdict of a rule that denies; undefined when none does. */
  tryDeny(query: Query): Verdict | undefined {
    return this.#assumption === null ? this.#ruling.verdicts[this.#ruling.index.firstMatch(query)] : undefined;
  }

  /** The verdict of the later layers, under the assumption that the provider allows where a rule asks it. */
  assume(query: Query, later: () => Verdict): Verdict {
    const asks = this.#assumption !== null && this.#ruling.index.firstMatch(query) >= 0;
    const verdict = later();
    return asks && this.#assumption !== null ? this.#assumption.add(verdict) : verdict;
  }
}
