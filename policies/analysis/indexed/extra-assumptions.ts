/** Adds assumptions to shared verdicts without making the same verdict twice. */
import type { Verdict } from '../verdict.ts';

/** A memo from verdicts to the same verdicts under further assumptions. */
export class ExtraAssumptions {
  readonly #extra: readonly string[];
  readonly #made = new Map<Verdict, Verdict>();

  constructor(extra: readonly string[]) {
    this.#extra = extra;
  }

  /** `verdict` itself when there is nothing to add. */
  add(verdict: Verdict): Verdict {
    if (this.#extra.length === 0) return verdict;
    let made = this.#made.get(verdict);
    if (made === undefined) {
      made = { ...verdict, assumptions: [...verdict.assumptions, ...this.#extra].toSorted() };
      this.#made.set(verdict, made);
    }
    return made;
  }
}
