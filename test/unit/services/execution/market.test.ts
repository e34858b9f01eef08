import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Entries,
  emptyMarket,
  type Known,
  type Market,
  MarketDraft,
  type Report,
  replayStart,
} from '#services/execution/market.ts';
import { type OrderTerms, orderKey } from '#services/execution/order.ts';
import { Replay } from '#services/execution/replay.ts';
import { type Command, sessions, termsOf } from './commands.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 200 };
const nothing: Known = { orders: new Map(), cancels: new Map(), actions: new Map() };
const tickValue = { currency: 'USD', amountMinor: 5n };
const symbols = ['ACME', 'GLOBEX'];

function listed(): Market {
  const draft = new MarketDraft(emptyMarket, nothing, 0n);
  for (const symbol of symbols) {
    draft.act({ requestId: `list-${symbol}`, subject: 'op', action: { kind: 'list', symbol, tickValue } });
  }
  return draft.market;
}

/** A journal in memory that knows what the database would know. */
class Journal {
  readonly reports: Report[] = [];
  readonly orders = new Map<string, Known['orders'] extends ReadonlyMap<string, infer O> ? O : never>();

  known(): Known {
    return { ...nothing, orders: this.orders };
  }

  take({ reports }: Entries): void {
    this.reports.push(...reports);
    for (const { outcome, sequence } of reports) {
      const rejectReason = outcome.kind === 'rejected' ? outcome.reason : 'none';
      for (const state of outcome.kind === 'traded' ? [outcome.order, outcome.contra] : [outcome.order]) {
        this.orders.set(orderKey(state.terms), { state, rejectReason, sequence });
      }
    }
  }
}

/** Plays a session in drafts of `batchSize` commands each. */
function play(session: readonly Command[], batchSize: number, look = (_market: Market, _journal: Journal) => {}) {
  const journal = new Journal();
  let market = listed();
  const sent: OrderTerms[] = [];
  let days = 0;
  for (let from = 0; from < session.length; from += batchSize) {
    const draft = new MarketDraft(market, journal.known(), 1n);
    for (const [offset, command] of session.slice(from, from + batchSize).entries()) {
      const index = from + offset;
      if (command.kind === 'endDay') draft.beginDay(`2026-11-${10 + (days++ % 90)}`);
      else if (command.kind === 'submit') {
        const terms = termsOf({ ...command.order, id: `o${index}` }, command.symbol);
        sent.push(terms);
        draft.submit(terms);
      } else {
        const { account, clientOrderId } = sent[command.at % (sent.length || 1)] ?? {
          account: 'A',
          clientOrderId: 'x',
        };
        draft.cancel({ account, clientOrderId, requestId: `c${index}` });
      }
    }
    journal.take(draft.entries);
    market = draft.market;
    look(market, journal);
  }
  return { market, journal };
}

describe(`the market, on random sessions (seed ${seed})`, () => {
  test('numbers the journal from 1 without gaps, and the events of each instrument too', () => {
    fc.assert(
      fc.property(sessions([...symbols, 'NOBODY']), fc.integer({ min: 1, max: 9 }), (session, batchSize) => {
        const { journal, market } = play(session, batchSize);
        expect(journal.reports.map(({ sequence }) => sequence)).toEqual(journal.reports.map((_, at) => BigInt(at + 1)));
        expect(market.sequence).toBe(BigInt(journal.reports.length));
        for (const symbol of [...symbols, 'NOBODY']) {
          const own = journal.reports.filter((report) => report.symbol === symbol);
          expect(own.map(({ instrumentSequence }) => instrumentSequence)).toEqual(own.map((_, at) => BigInt(at + 1)));
        }
      }),
      runs,
    );
  });

  test('does the same whatever the size of the batches', () => {
    fc.assert(
      fc.property(sessions(symbols), fc.integer({ min: 2, max: 20 }), (session, batchSize) => {
        expect(play(session, batchSize).journal.reports).toEqual(play(session, 1).journal.reports);
      }),
      runs,
    );
  });

  test('is rebuilt from the journal, whole or from where the oldest waiting order arrived, at every moment', () => {
    fc.assert(
      fc.property(sessions(symbols), (session) => {
        play(session, 7, (market, { reports }) => {
          for (const from of [1n, replayStart(market)]) {
            const replay = new Replay();
            for (const report of reports) if (report.sequence >= from) replay.take(report);
            for (const [symbol, { book }] of market.instruments) {
              expect(replay.books().get(symbol) ?? { buy: [], sell: [] }).toEqual(book);
            }
          }
        });
        expect(session.length).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  test('answers every repeated command as the first time and adds nothing to the journal', () => {
    fc.assert(
      fc.property(sessions(symbols), (session) => {
        const { market, journal } = play(session, 5);
        const draft = new MarketDraft(market, journal.known(), 2n);
        for (const { state, sequence } of journal.orders.values()) {
          const answer = draft.submit(state.terms);
          expect(answer).toMatchObject({ kind: 'order', order: { state, sequence } });
          expect(draft.submit({ ...state.terms, quantity: state.terms.quantity + 1n }).kind).toBe('otherTerms');
        }
        expect(draft.isEmpty).toBe(true);
      }),
      runs,
    );
  });
});

describe('the market, case by case', () => {
  const order = (id: string, more: Partial<Parameters<typeof termsOf>[0]> = {}, symbol = 'ACME') =>
    termsOf({ id, account: 'A', side: 'buy', limit: 100, life: 'day', quantity: 5, ...more }, symbol);
  const draftOf = (market = listed()) => new MarketDraft(market, nothing, 7n);

  test('an order for a symbol that nobody listed is rejected, and the refusal is in the journal', () => {
    const draft = draftOf();
    expect(draft.submit(order('o', {}, 'NOBODY'))).toMatchObject({ order: { rejectReason: 'unknownSymbol' } });
    expect(draft.entries.reports).toMatchObject([{ sequence: 1n, instrumentSequence: 1n, tickValue: undefined }]);
  });

  test('a halted instrument refuses new orders, lets waiting ones be cancelled, and trades again once resumed', () => {
    const draft = draftOf();
    const set = (kind: 'halt' | 'resume') =>
      draft.act({ requestId: kind, subject: 'op', action: { kind, symbol: 'ACME', reason: 'news' } });
    draft.submit(order('o1'));
    expect(set('halt')).toBe('done');
    expect(draft.submit(order('o2'))).toMatchObject({ order: { rejectReason: 'instrumentHalted' } });
    expect(draft.submit(order('g', {}, 'GLOBEX'))).toMatchObject({ order: { rejectReason: 'none' } });
    expect(draft.cancel({ ...order('o1'), requestId: 'c' }).kind).toBe('canceled');
    expect(set('resume')).toBe('done');
    expect(draft.submit(order('o3'))).toMatchObject({ order: { state: { status: 'new' } } });
  });

  test('a repeated halt does not undo the resume that came after it', () => {
    const draft = draftOf();
    const set = (requestId: string, kind: 'halt' | 'resume') =>
      draft.act({ requestId, subject: 'op', action: { kind, symbol: 'ACME', reason: '' } });
    set('r1', 'halt');
    set('r2', 'resume');
    expect(set('r1', 'halt')).toBe('done');
    expect(draft.submit(order('o'))).toMatchObject({ order: { rejectReason: 'none' } });
    expect(set('r1', 'resume')).toBe('otherTerms');
  });

  test.for([
    { name: 'the same terms under another request', amountMinor: 5n, requestId: 'r2', answer: 'done' },
    { name: 'other terms under another request', amountMinor: 6n, requestId: 'r2', answer: 'otherTerms' },
    { name: 'other terms under the same request', amountMinor: 6n, requestId: 'list-ACME', answer: 'otherTerms' },
  ])('listing twice: $name answers $answer', ({ amountMinor, requestId, answer }) => {
    const action = { kind: 'list', symbol: 'ACME', tickValue: { currency: 'USD', amountMinor } } as const;
    expect(draftOf().act({ requestId, subject: 'op', action })).toBe(answer);
  });

  test('a cancel keeps its first answer, also when the order came later or the order ended since', () => {
    const draft = draftOf();
    const request = { account: 'A', clientOrderId: 'o1', requestId: 'c1' };
    expect(draft.cancel(request)).toEqual({ kind: 'unknownOrder', sequence: 0n });
    draft.submit(order('o1'));
    expect(draft.cancel(request).kind).toBe('unknownOrder');
    expect(draft.cancel({ ...request, requestId: 'c2' }).kind).toBe('canceled');
    expect(draft.cancel({ ...request, requestId: 'c2' }).kind).toBe('canceled');
    expect(draft.cancel({ ...request, requestId: 'c3' })).toMatchObject({ kind: 'tooLate', sequence: 2n });
    expect(draft.entries.cancels.map(({ answer }) => answer.kind)).toEqual(['unknownOrder', 'canceled', 'tooLate']);
  });

  test('a new day expires what waits, once, and an earlier day changes nothing', () => {
    const draft = draftOf();
    draft.submit(order('o1'));
    draft.submit(order('o2', {}, 'GLOBEX'));
    draft.beginDay('2026-11-24');
    draft.beginDay('2026-11-24');
    draft.beginDay('2026-11-23');
    const kinds = draft.entries.reports.map(({ outcome }) => outcome.kind);
    expect(kinds).toEqual(['accepted', 'accepted', 'expired', 'expired']);
    expect(replayStart(draft.market)).toBe(5n);
  });
});
