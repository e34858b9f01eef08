/**
 * How long a run of benchmarks may take, so that it ends whatever the machine: when time runs short, rows have fewer
 * rounds and invalid ones are not repeated, which makes them less exact and never wrong. Tells the progress, too.
 */

const begun = performance.now();
let ends = Number.POSITIVE_INFINITY;

/** What is measured from now on has that many seconds. */
export function endWithin(seconds: number): void {
  ends = performance.now() + seconds * 1000;
}

/** The seconds that are left, 0 when none are. */
export function secondsLeft(): number {
  return Math.max(0, (ends - performance.now()) / 1000);
}

/** Tells on stderr what is measured now, with the time since the start. */
export function tell(what: string): void {
  const seconds = Math.round((performance.now() - begun) / 1000);
  process.stderr.write(`[${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}] ${what}\n`);
}
