import type { Logger } from '../runtime/index.ts';
import { backgroundCall } from './background.ts';
import { type Callees, reserve, submit, withdraw } from './callees.ts';
import type { Clock } from './clock.ts';
import type { StoredOrder } from './order-row.ts';
import { type OrderPolicy, retryMs } from './policy.ts';
import { type Action, nextAction, type SagaEvent } from './saga.ts';
import type { OrderStore } from './store.ts';
import type { OrderWatch } from './watch.ts';

/** What a driver works with. */
export interface SagaDriverProps {
  readonly store: OrderStore;
  readonly callees: Callees;
  readonly watch: OrderWatch;
  readonly clock: Clock;
  readonly policy: OrderPolicy;
  readonly log: Logger;
}

/**
 * Drives sagas: does what the step asks for, writes what came of it, and goes on until there is nothing to do.
 * Two drivers of one order do no harm: every call is idempotent by its key and every move names the version it saw.
 */
export class SagaDriver {
  readonly #props: SagaDriverProps;
  readonly #driving = new Set<Promise<void>>();
  // Never aborted: the saga goes on when the caller is gone, and a call whose outcome is unknown must be repeated anyway.
  readonly #signal = new AbortController().signal;

  constructor(props: SagaDriverProps) {
    this.#props = props;
  }

  /** Drives one order. Errors: those of the database; the saga is taken up again when its lease ends. */
  async drive(stored: StoredOrder): Promise<void> {
    const driving = this.#drive(stored);
    this.#driving.add(driving);
    try {
      await driving;
    } finally {
      this.#driving.delete(driving);
    }
  }

  /** Takes up sagas that nobody drives any more, and gives their number. */
  async recover(): Promise<number> {
    const due = await this.#props.store.claimDue(this.#props.policy.batch);
    const outcomes = await Promise.allSettled(due.map((stored) => this.drive(stored)));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') this.#props.log.warn({ err: outcome.reason }, 'a saga could not be driven');
    }
    return due.length;
  }

  /** Resolves when nothing is being driven in this process. */
  async idle(): Promise<void> {
    while (this.#driving.size > 0) await Promise.allSettled(this.#driving);
  }

  async #drive(stored: StoredOrder): Promise<void> {
    const { store, watch, clock, policy } = this.#props;
    let current = stored;
    for (;;) {
      const action = nextAction(current.order, clock.nowUs());
      if (action === 'wait') return;
      const event = await this.#perform(action, current);
      if (event === undefined) {
        await store.postpone(current, retryMs(current.attempts + 1, policy));
        return;
      }
      current = await store.apply(current, event);
      watch.publish(current);
      if (action === 'lapse') {
        // Asked too early, the market would disown an order whose submit is still on its way.
        await store.postpone(current, policy.inFlightMs);
        return;
      }
    }
  }

  async #perform(
    action: Exclude<Action, 'wait'>,
    { order: { terms }, traceparent }: StoredOrder,
  ): Promise<SagaEvent | undefined> {
    const { callees, log } = this.#props;
    const parent = backgroundCall({ log, signal: this.#signal, traceparent });
    switch (action) {
      case 'reserve':
        return await reserve(callees, terms, parent);
      case 'submit':
        return await submit(callees, terms, parent);
      case 'withdraw':
        return await withdraw(callees, terms, parent);
      case 'lapse':
        return { kind: 'reservationLapsed' };
      default:
        return action satisfies never;
    }
  }
}
