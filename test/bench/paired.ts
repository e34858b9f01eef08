/**
 * Paired measuring: absolute times on shared machines mislead, ratios of interleaved runs do not. Each round runs
 * A B B A and, as a control, A A A A; the ratio of a round is the time of one operation of B over that of A.
 */

import { secondsLeft, tell } from './budget.ts';

/** What is measured: one call does a fixed amount of work. */
export type Body = () => void | Promise<void>;

/** How a pair is measured and judged. */
export interface PairOptions {
  /** @default 15 */
  readonly rounds?: number;
  /** After it no further round begins, three are always run; discarded runs take as long again. @default 40 */
  readonly limitSeconds?: number;
  /** @default - informative: nothing is asked of the ratio */
  readonly target?: { readonly kind: 'atLeast' | 'atMost'; readonly ratio: number };
  /** The most seconds that one call of B may take, by its median. @default - nothing is asked of it */
  readonly seconds?: number;
  /** The most seconds that one operation of B may take, by its median. @default - nothing is asked of it */
  readonly secondsEach?: number;
  /** Operations of one call of each body; times and ratio are per operation. @default 1 each */
  readonly operations?: { readonly a: number; readonly b: number };
}

/** The median of the rounds with its bootstrap 95 % interval. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One row of a benchmark. `ratio` is the time of B over the time of A. */
export interface BenchResult {
  readonly name: string;
  readonly rounds: number;
  readonly ratio: Spread;
  /** A against A: 1 on a quiet machine. Outside 0.9 to 1.1 the row says nothing. */
  readonly control: Spread;
  readonly isValid: boolean;
  /** Informative: nanoseconds of one operation. */
  readonly nanoseconds: { readonly a: number; readonly b: number };
  readonly target: { readonly kind: 'atLeast' | 'atMost'; readonly ratio: number } | null;
  /** Seconds asked of one call or operation of B, and what the median took; absolute: only a quiet machine can tell. */
  readonly seconds: { readonly asked: number; readonly took: number } | null;
  /** True iff the row is valid and the median meets the target, or there is none. */
  readonly holds: boolean;
}

const MAX_ATTEMPTS = 3;
const LEAST_ROUNDS = 3;
/** A body of that many milliseconds is warm after one call. */
const SLOW = 2000;

const measured: BenchResult[] = [];

/** The rows measured since it was asked last: what is left of a benchmark that breaks. */
export function takeMeasured(): readonly BenchResult[] {
  return measured.splice(0);
}

/** Measures `b` against `a`; a run whose control is off is discarded and repeated, three times at most. */
export async function paired(name: string, a: Body, b: Body, options: PairOptions = {}): Promise<BenchResult> {
  tell(name);
  const start = performance.now();
  let result = await measure(name, a, b, options);
  for (let attempt = 1; attempt < MAX_ATTEMPTS && !result.isValid; attempt += 1) {
    const took = (performance.now() - start) / 1000 / attempt;
    if (secondsLeft() < took) break;
    tell(`${name}: again, the control was ${result.control.median.toFixed(2)}`);
    result = await measure(name, a, b, options);
  }
  measured.push(result);
  return result;
}

async function measure(name: string, a: Body, b: Body, options: PairOptions): Promise<BenchResult> {
  const { rounds: most = 15, limitSeconds = 40 } = options;
  const operations = options.operations ?? { a: 1, b: 1 };
  for (const body of (await timed(b)) > SLOW ? [a] : [a, b, a, b]) await timed(body);
  const ratios: number[] = [];
  const controls: number[] = [];
  const times: { readonly a: number[]; readonly b: number[] } = { a: [], b: [] };
  const end = performance.now() + Math.min(limitSeconds, secondsLeft()) * 1000;
  const goesOn = () => ratios.length < most && (ratios.length < LEAST_ROUNDS || performance.now() < end);
  while (goesOn()) {
    const [a1, b1, b2, a2] = [await timed(a), await timed(b), await timed(b), await timed(a)];
    const [c1, c2, c3, c4] = [await timed(a), await timed(a), await timed(a), await timed(a)];
    ratios.push((b1 + b2) / operations.b / ((a1 + a2) / operations.a));
    controls.push((c2 + c3) / (c1 + c4));
    times.a.push((a1 + a2) / 2);
    times.b.push((b1 + b2) / 2);
  }
  const ratio = spread(ratios);
  const control = spread(controls);
  const target = options.target ?? null;
  const seconds = secondsOf(options, median(times.b) / 1000, operations.b);
  const isValid = isQuiet(control);
  const isFast = seconds === null || seconds.took <= seconds.asked;
  return {
    name,
    rounds: ratios.length,
    ratio,
    control,
    isValid,
    nanoseconds: { a: (median(times.a) * 1e6) / operations.a, b: (median(times.b) * 1e6) / operations.b },
    target,
    seconds,
    holds: isValid && (target === null || meets(ratio.median, target)) && isFast,
  };
}

function secondsOf(options: PairOptions, took: number, operations: number): BenchResult['seconds'] {
  if (options.secondsEach !== undefined) return { asked: options.secondsEach, took: took / operations };
  return options.seconds === undefined ? null : { asked: options.seconds, took };
}

/** True iff the machine was quiet enough: A took as long as A. */
export function isQuiet({ median: control }: Spread): boolean {
  return control >= 0.9 && control <= 1.1;
}

function meets(ratio: number, target: { readonly kind: 'atLeast' | 'atMost'; readonly ratio: number }): boolean {
  return target.kind === 'atLeast' ? ratio >= target.ratio : ratio <= target.ratio;
}

/** The milliseconds that one call takes. */
export async function timed(body: Body): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

const RESAMPLES = 1000;

/** The median of some numbers with its bootstrap 95 % interval. */
export function spread(values: readonly number[]): Spread {
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)),
  ).toSorted((left, right) => left - right);
  const at = (share: number) => medians[Math.floor(share * (RESAMPLES - 1))] ?? Number.NaN;
  return { median: median(values), low: at(0.025), high: at(0.975) };
}
