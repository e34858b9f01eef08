/** What became of mutants: the result of `mutate`. */
import type { Answer } from '../answer.ts';
import type { ObligationName } from '../compare/obligation.ts';
import type { RequestJson } from '../symbolic/sample.ts';
import type { ChangedLayer } from './layers.ts';
import type { Mutant } from './mutant.ts';

/** What the decision says of a mutant. */
export type Fate =
  /** A document of it is refused before it has a meaning; `code` begins with the gate. */
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string }
  /** Some request is decided otherwise. */
  | { readonly kind: 'different' }
  /** Layers decide otherwise on their own, but other layers stop every such request: no request shows it. */
  | { readonly kind: 'hidden'; readonly layers: readonly ChangedLayer[] }
  /** No layer decides otherwise: proven over the universe. */
  | { readonly kind: 'equivalent' }
  /** The comparison took too much. */
  | { readonly kind: 'unknown'; readonly because: string };

/** One mutant with its fate and its killers. */
export interface Trial {
  readonly mutant: Mutant;
  readonly fate: Fate;
  /** The first obligation of `verify` that the mutant refutes. */
  readonly verify: ObligationName | null;
  /** The first finding of `lint` that the original has not; looked for only where `verify` finds nothing. */
  readonly lint: string | null;
  /** The first probe that tells it from the original, counted from 1. */
  readonly probe: number | null;
  /** For survivors of `verify`: a request that tells it from the original, confirmed by deciding both. */
  readonly witness: Confirmed | null;
}

/** A request with both verdicts. */
export interface Confirmed {
  readonly request: RequestJson;
  readonly original: Answer;
  readonly mutant: Answer;
}

/** One request of the probe set; it kills when the verdict is another. */
export interface Probe {
  readonly request: RequestJson;
  readonly expected: 'allow' | 'deny';
  /** How many mutants it kills. */
  readonly kills: number;
}

/** Everything that was found out. */
export interface Mutation {
  readonly trials: readonly Trial[];
  /** Those that add most come first. */
  readonly probes: readonly Probe[];
  /** Grants that probes are counted against; null without an intent. */
  readonly grants: number | null;
  /** Statements that the original refutes already: they kill nothing. */
  readonly refutedBefore: readonly string[];
}
