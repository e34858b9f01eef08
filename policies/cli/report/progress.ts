/** A count on stderr for work that takes longer than a glance. */
import type { Writable } from 'node:stream';

const INTERVAL_MS = 2000;

/** Counts steps and prints the count every two seconds; short work prints nothing. */
export class Progress {
  readonly #stream: Writable;
  readonly #what: string;
  #count = 0;
  #nextAt = performance.now() + INTERVAL_MS;
  #printed = false;

  constructor(stream: Writable, what: string) {
    this.#stream = stream;
    this.#what = what;
  }

  step(): void {
    this.#count += 1;
    if (performance.now() < this.#nextAt) return;
    this.#nextAt = performance.now() + INTERVAL_MS;
    this.#print();
  }

  /** Prints the final count if there was one before. */
  end(): void {
    if (this.#printed) this.#print();
  }

  #print(): void {
    this.#printed = true;
    this.#stream.write(`${this.#count} ${this.#what}\n`);
  }
}
