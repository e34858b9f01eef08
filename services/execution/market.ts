/**
 * All books together with the numbers of the journal. A market is a value too: a `MarketDraft` takes commands one after
 * another and ends as the next market plus the entries that the journal must hold before that market counts.
 */
import { type Book, cancel, emptyBook, expireDay, type Outcome, reject, type Step, submit } from './book.ts';
import { type OrderKey, type OrderState, type OrderTerms, orderKey, type RejectReason, sameTerms } from './order.ts';

/** An amount in minor units of an ISO 4217 currency. */
export interface Money {
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** Whether a symbol may be traded. A symbol that was never listed still has a place in the journal: its refusals. */
type Listing =
  | { readonly kind: 'unlisted' }
  | { readonly kind: 'listed'; readonly tickValue: Money; readonly trading: 'open' | 'halted' };

/** The last trade of an instrument. */
type LastTrade =
  | { readonly kind: 'none' }
  | { readonly kind: 'trade'; readonly priceTicks: bigint; readonly quantity: bigint };

/** One symbol. `sequence` is the number of its last event, 0 when there is none. */
export interface Instrument {
  readonly listing: Listing;
  readonly book: Book;
  readonly sequence: bigint;
  readonly lastTrade: LastTrade;
}

/** The whole market. `sequence` is the journal's end; `day` the trading day that has begun last, `2026-11-23`, or empty. */
export interface Market {
  readonly instruments: ReadonlyMap<string, Instrument>;
  readonly sequence: bigint;
  readonly day: string;
}

/** One event of the journal: what happened, with its numbers. */
export interface Report {
  readonly sequence: bigint;
  readonly instrumentSequence: bigint;
  readonly symbol: string;
  readonly outcome: Outcome;
  readonly transactTimeUnixUs: bigint;
  /** The value of one tick at that time; unlisted symbols have none. */
  readonly tickValue: Money | undefined;
}

/** An order as its last event left it. */
export interface KnownOrder {
  readonly state: OrderState;
  readonly rejectReason: RejectReason | 'none';
  readonly sequence: bigint;
}

/** What a client asks when it cancels. */
export interface CancelRequest extends OrderKey {
  readonly requestId: string;
}

/** The answer to a cancel, stored under its request for replays. `sequence`: how far in the journal it speaks. */
export type CancelAnswer =
  | { readonly kind: 'canceled' | 'tooLate'; readonly state: OrderState; readonly sequence: bigint }
  | { readonly kind: 'unknownOrder'; readonly sequence: bigint };

/** What an operator does to an instrument. */
export type OperatorAction =
  | { readonly kind: 'list'; readonly symbol: string; readonly tickValue: Money }
  | { readonly kind: 'halt' | 'resume'; readonly symbol: string; readonly reason: string };

/** What became of a submitted order, or that its key belongs to other terms. */
export type SubmitAnswer = { readonly kind: 'order'; readonly order: KnownOrder } | { readonly kind: 'otherTerms' };

/** What became of an operator's action. `otherTerms`: its request, or its symbol, is taken by other terms. */
export type ActionAnswer = 'done' | 'otherTerms' | 'unknownSymbol';

/** A cancel with its answer, as the journal keeps it. */
export interface AnsweredCancel {
  readonly request: CancelRequest;
  readonly answer: CancelAnswer;
}

/** An operator's action with the request and the subject behind it, as the journal keeps it. */
export interface RecordedAction {
  readonly requestId: string;
  readonly subject: string;
  readonly action: OperatorAction;
}

/** What the journal already holds about the keys that some commands name. */
export interface Known {
  /** By `orderKey`. */
  readonly orders: ReadonlyMap<string, KnownOrder>;
  /** By `cancelKey`. */
  readonly cancels: ReadonlyMap<string, CancelAnswer>;
  /** By request id. */
  readonly actions: ReadonlyMap<string, OperatorAction>;
}

/** What a draft adds to the journal. */
export interface Entries {
  readonly reports: readonly Report[];
  /** Orders that the journal meets for the first time, with the sequence of their first event. */
  readonly orders: readonly { readonly terms: OrderTerms; readonly sequence: bigint }[];
  readonly cancels: readonly AnsweredCancel[];
  readonly actions: readonly RecordedAction[];
}

/** A market without instruments. */
export const emptyMarket: Market = { instruments: new Map(), sequence: 0n, day: '' };

/** A symbol that nothing is known of. */
export const unlisted: Instrument = {
  listing: { kind: 'unlisted' },
  book: emptyBook,
  sequence: 0n,
  lastTrade: { kind: 'none' },
};

/** One text for a cancel, for use as a key. */
export function cancelKey(request: CancelRequest): string {
  return `${orderKey(request)} ${request.requestId}`;
}

/** The instrument as `action` leaves it. */
export function act(instrument: Instrument, action: OperatorAction): Instrument {
  const { listing } = instrument;
  switch (action.kind) {
    case 'list':
      return listing.kind === 'listed'
        ? instrument
        : { ...instrument, listing: { kind: 'listed', tickValue: action.tickValue, trading: 'open' } };
    case 'halt':
    case 'resume':
      return listing.kind === 'unlisted'
        ? instrument
        : { ...instrument, listing: { ...listing, trading: action.kind === 'halt' ? 'halted' : 'open' } };
    default:
      return action satisfies never;
  }
}

/** The oldest order that still waits arrived at this sequence or later: all before it can be left out of a replay. */
export function replayStart({ instruments, sequence }: Market): bigint {
  let oldest = sequence + 1n;
  for (const { book } of instruments.values()) {
    for (const { orders } of [...book.buy, ...book.sell]) {
      const arrival = orders[0]?.arrival ?? oldest;
      if (arrival < oldest) oldest = arrival;
    }
  }
  return oldest;
}

/** Commands applied one after another to a market that itself stays as it was. */
export class MarketDraft {
  readonly #nowUnixUs: bigint;
  readonly #instruments: Map<string, Instrument>;
  readonly #orders: Map<string, KnownOrder>;
  readonly #cancels: Map<string, CancelAnswer>;
  readonly #actions: Map<string, OperatorAction>;
  readonly #entries = {
    reports: [] as Report[],
    orders: [] as Entries['orders'][number][],
    cancels: [] as AnsweredCancel[],
    actions: [] as RecordedAction[],
  };
  readonly #dayBefore: string;
  #sequence: bigint;
  #day: string;

  constructor(market: Market, known: Known, nowUnixUs: bigint) {
    this.#nowUnixUs = nowUnixUs;
    this.#instruments = new Map(market.instruments);
    this.#orders = new Map(known.orders);
    this.#cancels = new Map(known.cancels);
    this.#actions = new Map(known.actions);
    this.#sequence = market.sequence;
    this.#day = market.day;
    this.#dayBefore = market.day;
  }

  /** An order that the journal knows answers with its present state and adds nothing. */
  submit(terms: OrderTerms): SubmitAnswer {
    const key = orderKey(terms);
    const earlier = this.#orders.get(key);
    if (earlier !== undefined) {
      return sameTerms(earlier.state.terms, terms) ? { kind: 'order', order: earlier } : { kind: 'otherTerms' };
    }
    this.#entries.orders.push({ terms, sequence: this.#sequence + 1n });
    this.#apply(terms.symbol, this.#admit(terms));
    return { kind: 'order', order: this.#findOrder(key) };
  }

  /** Halted instruments let orders be cancelled. */
  cancel(request: CancelRequest): CancelAnswer {
    const stored = this.#cancels.get(cancelKey(request));
    if (stored !== undefined) return stored;
    const answer = this.#cancelOnce(request);
    this.#cancels.set(cancelKey(request), answer);
    this.#entries.cancels.push({ request, answer });
    return answer;
  }

  /** An action whose request is known, or that lists what is listed already under the same terms, changes nothing. */
  act(recorded: RecordedAction): ActionAnswer {
    const { requestId, action } = recorded;
    const earlier = this.#actions.get(requestId);
    if (earlier !== undefined) return sameAction(earlier, action) ? 'done' : 'otherTerms';
    const instrument = this.#instrument(action.symbol);
    const { listing } = instrument;
    if (action.kind !== 'list' && listing.kind === 'unlisted') return 'unknownSymbol';
    if (action.kind === 'list' && listing.kind === 'listed' && !sameMoney(listing.tickValue, action.tickValue)) {
      return 'otherTerms';
    }
    this.#instruments.set(action.symbol, act(instrument, action));
    this.#actions.set(requestId, action);
    this.#entries.actions.push(recorded);
    return 'done';
  }

  /** Begins a trading day: what waits from an earlier one expires. */
  beginDay(day: string): void {
    if (day <= this.#day) return;
    for (const [symbol, { book }] of this.#instruments) this.#apply(symbol, expireDay(book));
    this.#day = day;
  }

  /** True iff the commands so far leave the market and the journal as they were. */
  get isEmpty(): boolean {
    const { reports, cancels, actions } = this.#entries;
    return reports.length === 0 && cancels.length === 0 && actions.length === 0 && this.#day === this.#dayBefore;
  }

  /** What the journal must hold before `market` counts. */
  get entries(): Entries {
    return this.#entries;
  }

  /** The next market. */
  get market(): Market {
    return { instruments: this.#instruments, sequence: this.#sequence, day: this.#day };
  }

  #admit(terms: OrderTerms): Step {
    const { listing, book } = this.#instrument(terms.symbol);
    if (listing.kind === 'unlisted') return { book, outcomes: [reject(terms, 'unknownSymbol')] };
    if (listing.trading === 'halted') return { book, outcomes: [reject(terms, 'instrumentHalted')] };
    return submit(book, terms, this.#sequence + 1n);
  }

  #cancelOnce(request: CancelRequest): CancelAnswer {
    const key = orderKey(request);
    const order = this.#orders.get(key);
    if (order === undefined) return { kind: 'unknownOrder', sequence: this.#sequence };
    const { symbol } = order.state.terms;
    const step = cancel(this.#instrument(symbol).book, order.state.terms);
    if (step === undefined) return { kind: 'tooLate', state: order.state, sequence: order.sequence };
    this.#apply(symbol, step);
    const { state, sequence } = this.#findOrder(key);
    return { kind: 'canceled', state, sequence };
  }

  #apply(symbol: string, { book, outcomes }: Step): void {
    let next: Instrument = { ...this.#instrument(symbol), book };
    for (const outcome of outcomes) {
      this.#sequence += 1n;
      const { order } = outcome;
      const instrumentSequence = next.sequence + 1n;
      next = { ...next, sequence: instrumentSequence, lastTrade: lastTradeAfter(outcome) ?? next.lastTrade };
      this.#entries.reports.push({
        sequence: this.#sequence,
        instrumentSequence,
        symbol,
        outcome,
        transactTimeUnixUs: this.#nowUnixUs,
        tickValue: next.listing.kind === 'listed' ? next.listing.tickValue : undefined,
      });
      this.#remember(order, outcome.kind === 'rejected' ? outcome.reason : 'none');
      if (outcome.kind === 'traded') this.#remember(outcome.contra, 'none');
    }
    this.#instruments.set(symbol, next);
  }

  #remember(state: OrderState, rejectReason: RejectReason | 'none'): void {
    this.#orders.set(orderKey(state.terms), { state, rejectReason, sequence: this.#sequence });
  }

  #instrument(symbol: string): Instrument {
    return this.#instruments.get(symbol) ?? unlisted;
  }

  #findOrder(key: string): KnownOrder {
    const order = this.#orders.get(key);
    if (order === undefined) throw new Error(`order \`${key}\` has no event`);
    return order;
  }
}

function lastTradeAfter(outcome: Outcome): LastTrade | undefined {
  if (outcome.kind !== 'traded') return undefined;
  return { kind: 'trade', priceTicks: outcome.priceTicks, quantity: outcome.quantity };
}

function sameAction(one: OperatorAction, other: OperatorAction): boolean {
  if (one.symbol !== other.symbol) return false;
  if (one.kind === 'list' || other.kind === 'list') {
    return one.kind === 'list' && other.kind === 'list' && sameMoney(one.tickValue, other.tickValue);
  }
  return one.kind === other.kind && one.reason === other.reason;
}

function sameMoney(one: Money, other: Money): boolean {
  return one.currency === other.currency && one.amountMinor === other.amountMinor;
}
