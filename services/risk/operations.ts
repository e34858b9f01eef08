import type { Database, Transaction } from '../runtime/index.ts';
import type { KillOrder, LimitsOrder } from './request.ts';

/** What became of an operator's action: done now or earlier under the same id, or the id was used for something else. */
export type ActionOutcome = 'done' | 'otherTerms';

/** What operators set, recorded once per request id. Errors: those of `Database`. */
export class OperationStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Turns the kill switch; every reservation that is judged after the commit sees it. */
  setKillSwitch(order: KillOrder, subject: string | undefined): Promise<ActionOutcome> {
    const { requestId, scope, engaged, reason } = order;
    const action: Action = { requestId, kind: 'killSwitch', terms: { scope, engaged, reason }, subject };
    return this.#once(action, async (tx) => {
      await tx.query(
        `insert into kill_switch (scope, engaged, reason) values ($1, $2, $3)
         on conflict (scope) do update set engaged = $2, reason = $3, changed_at = clock_timestamp()`,
        [scope, engaged, reason],
      );
    });
  }

  /** Sets the limits of one instrument; fills move its reference price from there on. */
  setLimits({ requestId, symbol, limits }: LimitsOrder, subject: string | undefined): Promise<ActionOutcome> {
    const { currency, amountMinor } = limits.tickValue;
    const amounts = [
      limits.referencePriceTicks,
      limits.collarBasisPoints,
      limits.maxQuantity,
      limits.maxNotionalTicks,
      amountMinor,
    ];
    const terms = { symbol, currency, amounts: amounts.map(String) };
    return this.#once({ requestId, kind: 'instrumentLimits', terms, subject }, async (tx) => {
      await tx.query(
        `insert into instrument_limit (symbol, tick_currency, reference_price_ticks, collar_basis_points, max_quantity,
           max_notional_ticks, tick_value_minor) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (symbol) do update set tick_currency = $2, reference_price_ticks = $3, collar_basis_points = $4,
           max_quantity = $5, max_notional_ticks = $6, tick_value_minor = $7`,
        [symbol, currency, ...amounts],
      );
    });
  }

  // A replay must not act again: an old `engaged` would undo what operators did since.
  #once(action: Action, act: (tx: Transaction) => Promise<void>): Promise<ActionOutcome> {
    return this.#database.transaction(async (tx) => {
      const values = [action.requestId, action.kind, JSON.stringify(action.terms)];
      const recorded = await tx.query(
        `insert into operator_action (request_id, kind, terms, subject) values ($1, $2, $3::jsonb, $4)
         on conflict (request_id) do nothing returning request_id`,
        [...values, action.subject ?? null],
      );
      if (recorded.length > 0) {
        await act(tx);
        return 'done';
      }
      const [earlier] = await tx.query<{ same: boolean }>(
        'select kind = $2 and terms = $3::jsonb as same from operator_action where request_id = $1',
        values,
      );
      return earlier?.same === true ? 'done' : 'otherTerms';
    });
  }
}

interface Action {
  readonly requestId: string;
  readonly kind: 'killSwitch' | 'instrumentLimits';
  readonly terms: Readonly<Record<string, unknown>>;
  readonly subject: string | undefined;
}
