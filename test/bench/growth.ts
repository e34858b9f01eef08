/** How the time of a proof grows with its fleet: a straight line through the logarithms. */
import { secondsLeft, tell } from './budget.ts';
import { type Body, isQuiet, median, type Spread, spread, timed } from './paired.ts';

/** One fleet. */
interface Point {
  readonly services: number;
  readonly edges: number;
  /** The median of the passes. */
  readonly seconds: number;
  readonly passes: number;
}

/** A row that fits. */
export interface GrowthResult {
  readonly name: string;
  readonly points: readonly Point[];
  /** Time grows as services to the power of it; `n log n` from 1,000 to 10,000 has 1.12. */
  readonly exponent: number;
  /** The smallest fleet at the end of a pass over the smallest at its beginning. */
  readonly control: Spread;
  readonly isValid: boolean;
  readonly target: number;
  readonly holds: boolean;
}

/** One fleet to be measured. */
export interface Fleet {
  readonly services: number;
  readonly edges: number;
  readonly proof: Body;
}

const PASSES = 5;
const LEAST_PASSES = 2;

/** Measures all fleets in turn, several times, and fits their growth; `target` is the most that the exponent may be. */
export async function growth(name: string, fleets: readonly Fleet[], target: number): Promise<GrowthResult> {
  const [smallest] = fleets;
  if (smallest === undefined) throw new Error('no fleet');
  tell(name);
  const start = performance.now();
  for (const { proof } of fleets) await timed(proof);
  const seconds = (performance.now() - start) / 1000;
  const times = fleets.map((): number[] => []);
  const controls: number[] = [];
  for (let pass = 0; pass < PASSES && (pass < LEAST_PASSES || secondsLeft() > seconds); pass += 1) {
    for (const [index, { proof }] of fleets.entries()) times[index]?.push(await timed(proof));
    controls.push((await timed(smallest.proof)) / (times[0]?.at(-1) ?? Number.NaN));
  }
  const points = fleets.map(({ services, edges }, index) => ({
    services,
    edges,
    seconds: median(times[index] ?? []) / 1000,
    passes: times[index]?.length ?? 0,
  }));
  const exponent = slope(points.map(({ services, seconds }) => [Math.log(services), Math.log(seconds)]));
  const control = spread(controls);
  const isValid = isQuiet(control);
  return { name, points, exponent, control, isValid, target, holds: isValid && exponent <= target };
}

/** The slope of the least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const products = points.map(([at, value]) => (at - x) * (value - y));
  return mean(products) / mean(points.map(([at]) => (at - x) ** 2));
}
