import { RpcError, status } from '../runtime/index.ts';
import type { Report } from './market.ts';
import { notTheWriter } from './writer.ts';

/** Who reads the journal: can be cut off, and says when it has gone. */
export interface FeedReader {
  readonly signal: AbortSignal;
  end(error: RpcError): void;
}

/** Bounds of a feed, in reports and readers. */
export interface FeedBounds {
  /** How far a reader may fall back behind the best that it has reached; as many reports are kept in memory, once for all readers. */
  readonly mostLag: number;
  readonly mostReaders: number;
}

interface Place {
  readonly reader: FeedReader;
  next: bigint;
  leastLag: bigint;
}

/** Reads one page of the journal from a sequence on. */
export type ReadPage = (from: bigint) => Promise<readonly Report[]>;

/**
 * The journal as a stream from any sequence on: old reports by the page from the database, new ones from a shared tail.
 * A reader has no buffer of its own. One whose distance from the end grows by more than the bound is too slow and is cut off;
 * one that began far behind may take its time as long as it does not fall back.
 */
export class ReportFeed {
  readonly #readPage: ReadPage;
  readonly #bounds: FeedBounds;
  readonly #places = new Set<Place>();
  /** The last reports up to `#end`, without gaps. */
  #tail: Report[] = [];
  #end = 0n;
  #isOpen = false;
  #grown = Promise.withResolvers<void>();

  constructor(readPage: ReadPage, bounds: FeedBounds) {
    this.#readPage = readPage;
    this.#bounds = bounds;
  }

  /** Lets readers in; `end` is the journal's end. */
  open(end: bigint): void {
    this.#tail = [];
    this.#end = end;
    this.#isOpen = true;
  }

  /** Ends every reader: this instance no longer knows where the journal ends. */
  close(): void {
    this.#isOpen = false;
    for (const { reader } of [...this.#places]) reader.end(notTheWriter());
  }

  /** Takes what the journal has just got. */
  append(reports: readonly Report[]): void {
    if (reports.length === 0) return;
    this.#end += BigInt(reports.length);
    this.#tail.push(...reports);
    const { mostLag } = this.#bounds;
    if (this.#tail.length > 2 * mostLag) this.#tail = this.#tail.slice(-mostLag);
    const grown = this.#grown;
    this.#grown = Promise.withResolvers();
    grown.resolve();
    // A burst beyond the bound, as at the end of a day, says nothing about the readers.
    const burst = reports.length > mostLag ? BigInt(reports.length) : 0n;
    for (const place of [...this.#places]) {
      place.leastLag += burst;
      this.#cutOffWhenSlow(place);
    }
  }

  /**
   * The reports from `from` on, in order and without gaps, until the reader goes.
   * Errors: `RpcError` OUT_OF_RANGE beyond the journal's end plus one, RESOURCE_EXHAUSTED for a reader too slow or too many,
   * UNAVAILABLE when this instance does not write.
   */
  async *read(from: bigint, reader: FeedReader): AsyncGenerator<Report, void, undefined> {
    const place = this.#enter(from, reader);
    try {
      for (;;) {
        for (const report of await this.#page(place.next, reader.signal)) {
          yield report;
          reader.signal.throwIfAborted();
          place.next = report.sequence + 1n;
          const lag = this.#lagOf(place);
          if (lag < place.leastLag) place.leastLag = lag;
        }
        reader.signal.throwIfAborted();
      }
    } finally {
      this.#places.delete(place);
    }
  }

  #enter(from: bigint, reader: FeedReader): Place {
    if (!this.#isOpen) throw notTheWriter();
    if (from > this.#end + 1n) {
      throw new RpcError(status.OUT_OF_RANGE, `from_sequence: expected at most ${this.#end + 1n}, got ${from}`);
    }
    if (this.#places.size >= this.#bounds.mostReaders) {
      throw new RpcError(status.RESOURCE_EXHAUSTED, 'too many readers');
    }
    const place = { reader, next: from, leastLag: this.#end + 1n - from };
    this.#places.add(place);
    return place;
  }

  async #page(next: bigint, signal: AbortSignal): Promise<readonly Report[]> {
    if (next > this.#end) {
      await firstOf(this.#grown.promise, signal);
      return [];
    }
    const tailStart = this.#end - BigInt(this.#tail.length) + 1n;
    return next >= tailStart ? this.#tail.slice(Number(next - tailStart)) : this.#readPage(next);
  }

  #cutOffWhenSlow(place: Place): void {
    if (this.#lagOf(place) <= place.leastLag + BigInt(this.#bounds.mostLag)) return;
    this.#places.delete(place);
    place.reader.end(new RpcError(status.RESOURCE_EXHAUSTED, 'the reader is too slow'));
  }

  #lagOf({ next }: Place): bigint {
    return this.#end + 1n - next;
  }
}

/** Resolves with `event`, or when `signal` aborts; leaves no listener behind. */
function firstOf(event: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) resolve();
    signal.addEventListener('abort', done);
    void event.then(done);
  });
}
