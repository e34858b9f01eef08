import type { Logger } from '../runtime/index.ts';

/** What became of one delivery: the callee has it, it may be tried again, or the callee will never take it. */
export type Delivery<R> =
  | { readonly kind: 'done'; readonly result: R }
  | { readonly kind: 'again'; readonly cause: unknown; readonly delayMs: number }
  | { readonly kind: 'refused'; readonly because: string };

/** One kind of work that is due at another service. Rows are written together with the state that makes them due. */
export interface Lane<T, R> {
  readonly name: string;
  /** Takes rows that are due; no other replica gets them until their lease ends. */
  claim(): Promise<readonly T[]>;
  deliver(row: T): Promise<Delivery<R>>;
  finish(done: readonly (readonly [T, R])[]): Promise<void>;
  postpone(row: T, delayMs: number): Promise<void>;
  /** Keeps a row for a person to look at. */
  setAside(row: T, because: string): Promise<void>;
}

/** Delivers one batch of a lane, at least once, and gives the number of rows that were taken. Errors: those of the database. */
export async function deliverDue<T, R>(lane: Lane<T, R>, log: Logger): Promise<number> {
  const rows = await lane.claim();
  const delivered = await Promise.all(rows.map(async (row) => [row, await lane.deliver(row)] as const));
  const done = delivered.flatMap(([row, delivery]) =>
    delivery.kind === 'done' ? [[row, delivery.result] as const] : [],
  );
  if (done.length > 0) await lane.finish(done);
  for (const [row, delivery] of delivered) {
    switch (delivery.kind) {
      case 'done':
        break;
      case 'again':
        log.warn({ err: delivery.cause, lane: lane.name }, 'a delivery failed and is tried again');
        await lane.postpone(row, delivery.delayMs);
        break;
      case 'refused':
        log.error({ lane: lane.name, because: delivery.because }, 'a delivery was refused and waits for a person');
        await lane.setAside(row, delivery.because);
        break;
      default:
        delivery satisfies never;
    }
  }
  return rows.length;
}
