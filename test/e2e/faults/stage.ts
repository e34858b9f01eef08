/** One fault from injection to recovery: what was seen when, held against its bounds. */
import { setTimeout as pause } from 'node:timers/promises';

/** How long detection and recovery may take. `because` is the reason of bounds other than the usual ones. */
export interface Bounds {
  readonly detectedMs: number;
  readonly recoveredMs: number;
  readonly because?: string;
}

/** The usual bounds. Source: the platform's promise of 5 s to detect and 30 s to recover. */
export const usualBounds: Bounds = { detectedMs: 5_000, recoveredMs: 30_000 };

/** One thing that had to hold, and what was seen of it. */
export interface Observation {
  readonly what: string;
  readonly holds: boolean;
  readonly detail: string;
}

/** What became of one fault. Durations in milliseconds; null where it was not seen within its bound. */
export interface FaultReport {
  readonly name: string;
  readonly title: string;
  readonly bounds: Bounds;
  readonly detection: string;
  readonly detectedMs: number | null;
  readonly recovery: string;
  readonly recoveredMs: number | null;
  readonly observations: readonly Observation[];
  readonly holds: boolean;
}

const pollEveryMs = 50;

/** Aborted when the run is to end early: whatever is waited for then ends with an error, and faults are taken back. */
export const interruption = new AbortController();

/** The clock and the notebook of one fault. */
export class Stage {
  readonly #bounds: Bounds;
  readonly #say: (line: string) => void;
  readonly #observations: Observation[] = [];
  #injectedAtMs: number | undefined;
  #healedAtMs: number | undefined;
  #detection: { readonly what: string; readonly afterMs: number | null } | undefined;
  #recovery: { readonly what: string; readonly afterMs: number | null } | undefined;

  constructor(bounds: Bounds, say: (line: string) => void) {
    this.#bounds = bounds;
    this.#say = say;
  }

  /** Injects the fault; the clock of detection starts before `action`, so that its own time counts against us. */
  async inject(action: () => Promise<void>): Promise<void> {
    this.#injectedAtMs = performance.now();
    await action();
  }

  /** Waits until `condition` shows that the fault was noticed. */
  async detected(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
    const afterMs = await this.#within(this.#injectedAtMs, this.#bounds.detectedMs, condition);
    this.#detection = { what, afterMs };
    this.#say(`  detected: ${what}${afterMs === null ? ': NOT within its bound' : ` after ${seconds(afterMs)}`}`);
  }

  /** Ends the fault; the clock of recovery starts before `action`. A fault that heals itself says so with no action. */
  async heal(action: () => Promise<void> = async () => {}): Promise<void> {
    this.#healedAtMs = performance.now();
    await action();
  }

  /** Waits until `condition` shows that all is well again. */
  async recovered(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
    const afterMs = await this.#within(this.#healedAtMs ?? this.#injectedAtMs, this.#bounds.recoveredMs, condition);
    this.#recovery = { what, afterMs };
    this.#say(`  recovered: ${what}${afterMs === null ? ': NOT within its bound' : ` after ${seconds(afterMs)}`}`);
  }

  /** Notes one thing that had to hold. */
  expect(what: string, holds: boolean, detail: string): void {
    this.#observations.push({ what, holds, detail });
    this.#say(`  ${holds ? 'ok' : 'BROKEN'}: ${what}: ${detail}`);
  }

  /** What became of the fault; one that was neither detected nor recovered does not hold. */
  report(name: string, title: string): FaultReport {
    const detectedMs = this.#detection?.afterMs ?? null;
    const recoveredMs = this.#recovery?.afterMs ?? null;
    return {
      name,
      title,
      bounds: this.#bounds,
      detection: this.#detection?.what ?? 'not looked for',
      detectedMs,
      recovery: this.#recovery?.what ?? 'not looked for',
      recoveredMs,
      observations: this.#observations,
      holds: detectedMs !== null && recoveredMs !== null && this.#observations.every(({ holds }) => holds),
    };
  }

  async #within(
    sinceMs: number | undefined,
    boundMs: number,
    condition: () => Promise<boolean> | boolean,
  ): Promise<number | null> {
    if (sinceMs === undefined) throw new Error('nothing was injected yet');
    return (await until(condition, boundMs - (performance.now() - sinceMs))) ? performance.now() - sinceMs : null;
  }
}

/**
 * Polls until `condition` holds; false when it does not within `withinMs`. A condition that throws does not hold.
 * Errors: throws once the run is interrupted.
 */
export async function until(condition: () => Promise<boolean> | boolean, withinMs: number): Promise<boolean> {
  const giveUpAtMs = performance.now() + withinMs;
  for (;;) {
    const holds = await Promise.resolve()
      .then(condition)
      .catch(() => false);
    if (holds) return performance.now() <= giveUpAtMs;
    if (performance.now() > giveUpAtMs) return false;
    interruption.signal.throwIfAborted();
    await pause(pollEveryMs);
  }
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
