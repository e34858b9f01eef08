import { status } from '@grpc/grpc-js';
import {
  type CancelTradeResponse,
  type ExecutionReport,
  ExecutionServiceService,
  type OrderState,
  type SubmitTradeResponse,
} from '#services/gen/trading/execution/v1/execution.ts';
import {
  CancelRejectReason,
  ExecType,
  OrderRejectReason,
  OrderStatus,
  type OrderTerms,
  OrderType,
  Side,
  TimeInForce,
} from '#services/gen/trading/fix/v1/fix.ts';
import { fake } from '../../../support/bare-grpc.ts';

/** Decides about one call: nothing lets it pass, a throw answers with that error. */
export type Fault = () => void | Promise<void>;

interface Resting {
  state: OrderState;
  readonly terms: OrderTerms;
}

const noReason = OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
const keyOf = ({ account, clientOrderId }: { account: string; clientOrderId: string }) => `${account} ${clientOrderId}`;

/** A small exchange over the contract of `execution`: price-time priority, one journal, idempotent by key. */
export class FakeMarket {
  readonly journal: ExecutionReport[] = [];
  /** Runs before a submit takes effect, and after: an error then leaves the caller without knowing. */
  beforeSubmit: Fault = () => {};
  afterSubmit: Fault = () => {};
  beforeCancel: Fault = () => {};
  afterCancel: Fault = () => {};
  /** Sequences that the next stream leaves out; emptied by it. */
  readonly omitted = new Set<bigint>();
  /** Where streams were asked to begin. */
  readonly streamsFrom: bigint[] = [];
  /** True: a stream ends at the journal's end, as at its greatest age. */
  endsStreams = false;
  submits = 0;
  cancels = 0;
  readonly #orders = new Map<string, { state: OrderState; sequence: bigint; reason: OrderRejectReason }>();
  readonly #cancelAnswers = new Map<string, CancelTradeResponse>();
  #book: Resting[] = [];
  #grown = Promise.withResolvers<void>();

  /** The service that a server serves. */
  readonly part = fake(ExecutionServiceService, {
    submitTrade: async ({ terms }) => {
      this.submits += 1;
      await this.beforeSubmit();
      const answer = this.submit(required(terms));
      await this.afterSubmit();
      return answer;
    },
    cancelTrade: async (request) => {
      this.cancels += 1;
      await this.beforeCancel();
      const answer = this.cancel(request);
      await this.afterCancel();
      return answer;
    },
    streamExecutionReports: ({ fromSequence }) => this.#stream(fromSequence),
  });

  /** The market's own view of an order. */
  tryFind(key: { account: string; clientOrderId: string }): OrderState | undefined {
    return this.#orders.get(keyOf(key))?.state;
  }

  submit(terms: OrderTerms): SubmitTradeResponse {
    const known = this.#orders.get(keyOf(terms))?.state;
    if (known === undefined) this.#arrive(terms);
    else if (JSON.stringify(known.terms, text) !== JSON.stringify(terms, text))
      throw { code: status.ALREADY_EXISTS, details: 'other terms' };
    const { state, sequence, reason } = required(this.#orders.get(keyOf(terms)));
    return { order: state, rejectReason: reason, sequence };
  }

  cancel(request: { account: string; clientOrderId: string; requestId: string }): CancelTradeResponse {
    const key = `${keyOf(request)} ${request.requestId}`;
    const answer = this.#cancelAnswers.get(key) ?? this.#cancelOnce(request);
    this.#cancelAnswers.set(key, answer);
    return answer;
  }

  /** Ends the day: whatever rests expires. */
  expireAll(): void {
    for (const { state } of this.#book.splice(0)) {
      const ended = { ...state, status: OrderStatus.ORDER_STATUS_EXPIRED, leavesQuantity: 0n };
      this.#report(ExecType.EXEC_TYPE_EXPIRED, ended);
    }
  }

  #cancelOnce(request: { account: string; clientOrderId: string }): CancelTradeResponse {
    const known = this.#orders.get(keyOf(request));
    const sequence = BigInt(this.journal.length);
    if (known === undefined) {
      return { order: undefined, cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_UNKNOWN_ORDER, sequence };
    }
    const resting = this.#book.findIndex(({ terms }) => keyOf(terms) === keyOf(request));
    if (resting < 0) {
      const { state } = known;
      return { order: state, cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE, sequence };
    }
    this.#book.splice(resting, 1);
    const state = { ...known.state, status: OrderStatus.ORDER_STATUS_CANCELED, leavesQuantity: 0n };
    this.#report(ExecType.EXEC_TYPE_CANCELED, state);
    return {
      order: state,
      cancelRejectReason: CancelRejectReason.CANCEL_REJECT_REASON_UNSPECIFIED,
      sequence: sequence + 1n,
    };
  }

  #arrive(terms: OrderTerms): void {
    const arriving: Resting = { terms, state: openState(terms, 0n) };
    if (terms.symbol === 'HALTED') {
      const state = { ...arriving.state, status: OrderStatus.ORDER_STATUS_REJECTED, leavesQuantity: 0n };
      this.#report(ExecType.EXEC_TYPE_REJECTED, state, {
        rejectReason: OrderRejectReason.ORDER_REJECT_REASON_INSTRUMENT_HALTED,
      });
      return;
    }
    this.#report(ExecType.EXEC_TYPE_NEW, arriving.state);
    if (terms.timeInForce !== TimeInForce.TIME_IN_FORCE_FILL_OR_KILL || this.#available(terms) >= terms.quantity) {
      for (const contra of this.#matching(terms)) this.#trade(arriving, contra);
    }
    if (arriving.state.leavesQuantity === 0n) return;
    if (terms.timeInForce === TimeInForce.TIME_IN_FORCE_DAY && terms.orderType === OrderType.ORDER_TYPE_LIMIT) {
      this.#book.push(arriving);
      return;
    }
    const state = { ...arriving.state, status: OrderStatus.ORDER_STATUS_CANCELED, leavesQuantity: 0n };
    this.#report(ExecType.EXEC_TYPE_CANCELED, state);
  }

  #matching(terms: OrderTerms): readonly Resting[] {
    const sign = terms.side === Side.SIDE_BUY ? 1n : -1n;
    return this.#book
      .filter(({ terms: other }) => other.symbol === terms.symbol && other.side !== terms.side)
      .filter(({ terms: other }) => terms.priceTicks === 0n || (terms.priceTicks - other.priceTicks) * sign >= 0n)
      .sort((one, other) => Number((one.terms.priceTicks - other.terms.priceTicks) * sign));
  }

  #available(terms: OrderTerms): bigint {
    return this.#matching(terms).reduce((sum, { state }) => sum + state.leavesQuantity, 0n);
  }

  #trade(arriving: Resting, contra: Resting): void {
    const quantity = lesser(arriving.state.leavesQuantity, contra.state.leavesQuantity);
    if (quantity === 0n) return;
    for (const side of [arriving, contra]) side.state = openState(side.terms, side.state.cumulativeQuantity + quantity);
    if (contra.state.leavesQuantity === 0n) this.#book = this.#book.filter((resting) => resting !== contra);
    this.#report(ExecType.EXEC_TYPE_TRADE, arriving.state, {
      contraOrder: contra.state,
      lastQuantity: quantity,
      lastPriceTicks: contra.terms.priceTicks,
      tickValue: { currency: 'USD', amountMinor: 1n },
    });
  }

  #report(execType: ExecType, order: OrderState, more: Partial<ExecutionReport> = {}): void {
    const sequence = BigInt(this.journal.length + 1);
    const report: ExecutionReport = {
      sequence,
      instrumentSequence: sequence,
      executionId: `exec-${sequence}`,
      symbol: required(order.terms).symbol,
      execType,
      order,
      contraOrder: undefined,
      lastQuantity: 0n,
      lastPriceTicks: 0n,
      rejectReason: noReason,
      transactTimeUnixUs: 0n,
      tickValue: undefined,
      ...more,
    };
    this.journal.push(report);
    for (const state of [report.order, report.contraOrder]) {
      if (state !== undefined)
        this.#orders.set(keyOf(required(state.terms)), { state, sequence, reason: report.rejectReason });
    }
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }

  async *#stream(fromSequence: bigint) {
    this.streamsFrom.push(fromSequence);
    if (fromSequence > BigInt(this.journal.length) + 1n) throw { code: status.OUT_OF_RANGE, details: 'beyond the end' };
    const omitted = new Set(this.omitted);
    this.omitted.clear();
    for (let sequence = fromSequence; ; sequence += 1n) {
      while (sequence > BigInt(this.journal.length)) {
        if (this.endsStreams) return;
        await this.#grown.promise;
      }
      if (!omitted.has(sequence)) yield { report: this.journal[Number(sequence) - 1] };
    }
  }
}

function lesser(one: bigint, other: bigint): bigint {
  if (one < other) return one;
  return other;
}

function openState(terms: OrderTerms, cumulativeQuantity: bigint): OrderState {
  const leavesQuantity = terms.quantity - cumulativeQuantity;
  const orderStatus =
    leavesQuantity === 0n
      ? OrderStatus.ORDER_STATUS_FILLED
      : cumulativeQuantity === 0n
        ? OrderStatus.ORDER_STATUS_NEW
        : OrderStatus.ORDER_STATUS_PARTIALLY_FILLED;
  return { terms, status: orderStatus, cumulativeQuantity, leavesQuantity };
}

const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected a value, got none');
  return value;
}
