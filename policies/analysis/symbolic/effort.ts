/** How many operations on diagrams one question about a whole mesh may take, so that hard policies end in *unknown*. */

/** What one universe may take, however much is left: a thousand times what the ports of real meshes need. */
const MOST_AT_ONCE = 1_000_000;
/** What each universe may take when nothing is left: more than the ports of real meshes need (2,600 at 830 callers). */
const ALWAYS_GRANTED = 20_000;
const AT_FIRST = 12_000_000;

/**
 * The operations that all universes of one question share: a few hard ports may take a million each, and thousands of
 * them do not add up. Counted in operations, never in time, so that every machine answers the same.
 */
export class Effort {
  #left = AT_FIRST;

  /** What the next universe may take. */
  get grant(): number {
    return Math.min(MOST_AT_ONCE, Math.max(ALWAYS_GRANTED, this.#left));
  }

  /** Counts one operation. */
  spend(): void {
    this.#left -= 1;
  }
}
