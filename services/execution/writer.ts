import { RpcError, status } from '../runtime/index.ts';
import type { Clock } from './clock.ts';
import { type Market, MarketDraft, type Report } from './market.ts';
import type { JournalStore, Keys } from './store.ts';

/** One command: the keys that it needs to know about, and what it does to a draft. */
export interface Command<T> {
  readonly keys: Partial<Keys>;
  readonly apply: (draft: MarketDraft) => T;
  /** Aborted when nobody waits for the answer any more; a command that has not begun by then is dropped. */
  readonly signal?: AbortSignal;
}

/** What a writer is made of. */
export interface WriterProps {
  readonly store: JournalStore;
  readonly token: bigint;
  /** As the journal tells it. */
  readonly market: Market;
  readonly clock: Clock;
  /** Called after each commit, before the commands get their answers. Must not throw. */
  readonly committed: (market: Market, reports: readonly Report[]) => void;
}

const mostWaiting = 2048;
const mostPerBatch = 128;

interface Waiting {
  readonly command: Command<unknown>;
  readonly settle: (answer: unknown) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * One term as the only writer. Commands that arrive while a write is under way share the next transaction.
 * INVARIANT: `market` is what the journal holds: the next market takes its place only after the commit. When a write fails,
 * its outcome may not be known; the term ends for good, and only a replay tells what the journal holds.
 */
export class Writer {
  readonly #props: WriterProps;
  readonly #queue: Waiting[] = [];
  readonly #ended = Promise.withResolvers<unknown>();
  #market: Market;
  #isOver = false;
  #isWriting = false;

  constructor(props: WriterProps) {
    this.#props = props;
    this.#market = props.market;
  }

  get market(): Market {
    return this.#market;
  }

  /** Resolves with the reason when the term has ended. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Does a command and resolves when the journal holds it. Errors: `RpcError` UNAVAILABLE when it may not have been done. */
  run<T>(command: Command<T>): Promise<T> {
    if (this.#isOver) return Promise.reject(notTheWriter());
    if (this.#queue.length >= mostWaiting) {
      return Promise.reject(new RpcError(status.UNAVAILABLE, 'too many commands wait'));
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ command, settle: resolve as (answer: unknown) => void, refuse: reject });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  /** Ends the term: nothing more is written, and whoever waits is refused. */
  end(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { refuse } of this.#queue.splice(0)) refuse(notTheWriter(reason));
    this.#ended.resolve(reason);
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) await this.#write(this.#queue.splice(0, mostPerBatch).filter(stillWanted));
    this.#isWriting = false;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const { answers, reports } = await this.#commit(batch.map(({ command }) => command));
      // A term that has ended meanwhile is followed by one that reads these reports from the journal.
      if (!this.#isOver) this.#props.committed(this.#market, reports);
      for (const [index, { settle }] of batch.entries()) settle(answers[index]);
    } catch (thrown) {
      this.end(thrown);
      for (const { refuse } of batch) refuse(notTheWriter(thrown));
    }
  }

  async #commit(commands: readonly Command<unknown>[]) {
    const { store, token, clock } = this.#props;
    const before = this.#market;
    const draft = new MarketDraft(before, await store.lookUp(keysOf(commands)), clock.nowUnixUs());
    const answers = commands.map(({ apply }) => apply(draft));
    const { market: after, entries } = draft;
    if (!draft.isEmpty) await store.append({ token, before, after, entries });
    this.#market = after;
    return { answers, reports: entries.reports };
  }
}

/** The answer of an instance that does not write, now or any more. */
export function notTheWriter(cause?: unknown): RpcError {
  return new RpcError(status.UNAVAILABLE, 'this instance does not write the journal', { cause });
}

function stillWanted({ command, refuse }: Waiting): boolean {
  if (command.signal?.aborted !== true) return true;
  refuse(command.signal.reason);
  return false;
}

function keysOf(commands: readonly Command<unknown>[]): Keys {
  return {
    orders: commands.flatMap(({ keys }) => keys.orders ?? []),
    cancels: commands.flatMap(({ keys }) => keys.cancels ?? []),
    actions: commands.flatMap(({ keys }) => keys.actions ?? []),
  };
}
