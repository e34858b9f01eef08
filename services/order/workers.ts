import type { Logger } from '../runtime/index.ts';
import type { Clock } from './clock.ts';
import type { OrderPolicy } from './policy.ts';

/** What a worker needs besides its work. */
export interface WorkerProps {
  readonly name: string;
  /** Does a piece of work; gives how much there was: nothing, and the worker waits before it looks again. */
  readonly work: (signal: AbortSignal) => Promise<number | bigint>;
  readonly clock: Clock;
  readonly policy: Pick<OrderPolicy, 'idleMs'>;
  readonly log: Logger;
}

/** Works until `signal` is aborted. A failure is logged and the work tried again: the database or a callee comes back. */
export async function runWorker({ name, work, clock, policy, log }: WorkerProps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let amount: number | bigint = 0;
    try {
      amount = await work(signal);
    } catch (thrown) {
      if (!signal.aborted) log.warn({ err: thrown, worker: name }, 'a worker failed and goes on');
    }
    if (Number(amount) === 0) await clock.pause(policy.idleMs, signal);
  }
}
