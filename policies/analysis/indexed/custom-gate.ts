/** CUSTOM rules: those that deny, or those that ask a provider whose answer is an assumption. */
import type { Verdict } from '../verdict.ts';
import { ExtraAssumptions } from './extra-assumptions.ts';
import type { Query } from './query.ts';
import type { RuleIndex } from './rule-index.ts';

/** What CUSTOM rules decide before the token is looked at. */
export class CustomGate {
  readonly #rules: RuleIndex;
  readonly #assumption: ExtraAssumptions | null;

  constructor(rules: RuleIndex, assumption: string | null) {
    this.#rules = rules;
    this.#assumption = assumption === null ? null : new ExtraAssumptions([assumption]);
  }

  /** The verdict of a rule that denies; undefined when none does. */
  tryDeny(query: Query): Verdict | undefined {
    return this.#assumption === null ? this.#rules.firstMatch(query) : undefined;
  }

  /** The verdict of the later layers, under the assumption that the provider allows where a rule asks it. */
  assume(query: Query, later: () => Verdict): Verdict {
    const asks = this.#assumption !== null && this.#rules.firstMatch(query) !== undefined;
    const verdict = later();
    return asks && this.#assumption !== null ? this.#assumption.add(verdict) : verdict;
  }
}
