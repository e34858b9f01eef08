import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Book,
  cancel,
  emptyBook,
  expireDay,
  type Outcome,
  restingOrders,
  type Step,
  submit,
  topOf,
} from '#services/execution/book.ts';
import type { OrderTerms } from '#services/execution/order.ts';
import { BruteForceBook, type Line, type PlainOrder } from './brute-force-book.ts';
import { type Command, sessions, termsOf } from './commands.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 400 };

/** Plays a session on the book under test; `look` sees every step. */
function play(session: readonly Command[], look: (command: Command, step: Step, before: Book) => void): Book {
  let book = emptyBook;
  const sent: OrderTerms[] = [];
  for (const [index, command] of session.entries()) {
    const step = apply(book, command, sent, index);
    if (step === undefined) continue;
    look(command, step, book);
    book = step.book;
  }
  return book;
}

function apply(book: Book, command: Command, sent: OrderTerms[], index: number): Step | undefined {
  switch (command.kind) {
    case 'submit': {
      const terms = termsOf({ ...command.order, id: `o${index}` });
      sent.push(terms);
      return submit(book, terms, BigInt(index));
    }
    case 'cancel': {
      const terms = sent[command.at % (sent.length || 1)];
      return terms === undefined ? undefined : cancel(book, terms);
    }
    case 'endDay':
      return expireDay(book);
    default:
      return command satisfies never;
  }
}

function playSlowly(session: readonly Command[]): { readonly book: BruteForceBook; readonly lines: Line[] } {
  const book = new BruteForceBook();
  const sent: string[] = [];
  const lines = session.flatMap((command, index) => {
    if (command.kind === 'endDay') return book.expireDay();
    if (command.kind === 'cancel') return book.cancel(sent[command.at % (sent.length || 1)] ?? '');
    sent.push(`o${index}`);
    return book.submit({ ...command.order, id: `o${index}` });
  });
  return { book, lines };
}

function lineOf(outcome: Outcome): Line {
  const { terms } = outcome.order;
  const untraded = terms.quantity - outcome.order.cumulative;
  switch (outcome.kind) {
    case 'accepted':
      return `accept ${terms.clientOrderId}`;
    case 'rejected':
      return `reject ${terms.clientOrderId}`;
    case 'canceled':
      return `cancel ${terms.clientOrderId} ${untraded}`;
    case 'expired':
      return `expire ${terms.clientOrderId} ${untraded}`;
    case 'traded':
      return `trade ${terms.clientOrderId} ${outcome.contra.terms.clientOrderId} ${outcome.quantity}@${outcome.priceTicks}`;
    default:
      return outcome satisfies never;
  }
}

describe(`the book, on random sessions (seed ${seed})`, () => {
  test('does what a brute-force book does, event by event, and ends with the same orders waiting', () => {
    fc.assert(
      fc.property(sessions(['ACME']), (session) => {
        const lines: Line[] = [];
        const book = play(session, (_, { outcomes }) => lines.push(...outcomes.map(lineOf)));
        const slow = playSlowly(session);
        expect(lines).toEqual(slow.lines);
        expect(restingOrders(book).map(({ terms, leaves }) => `${terms.clientOrderId} ${leaves}`)).toEqual(
          slow.book.waiting.map(({ id, left }) => `${id} ${left}`),
        );
      }),
      runs,
    );
  });

  test('is never crossed, sorts by price then arrival, and keeps no empty level', () => {
    fc.assert(
      fc.property(sessions(['ACME']), (session) => {
        play(session, (_, { book }) => {
          const bid = topOf(book, 'buy')?.priceTicks;
          const ask = topOf(book, 'sell')?.priceTicks;
          if (bid !== undefined && ask !== undefined) expect(bid < ask).toBe(true);
          for (const [side, sign] of [['buy', -1n] as const, ['sell', 1n] as const]) {
            const prices = book[side].map(({ priceTicks }) => priceTicks * sign);
            expect(prices).toEqual([...new Set(prices)].toSorted((a, b) => Number(a - b)));
            for (const { orders } of book[side]) {
              expect(orders.length).toBeGreaterThan(0);
              const arrivals = orders.map(({ arrival }) => arrival);
              expect(arrivals).toEqual(arrivals.toSorted((a, b) => Number(a - b)));
              for (const { leaves } of orders) expect(leaves > 0n).toBe(true);
            }
          }
        });
        expect(session.length).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  test('conserves quantity: every order is traded, waiting, or ended, each unit once, and buyers buy what sellers sell', () => {
    fc.assert(
      fc.property(sessions(['ACME']), (session) => {
        const asked = new Map<string, bigint>();
        const traded = new Map<string, bigint>();
        const ended = new Map<string, bigint>();
        const bySide = { buy: 0n, sell: 0n };
        const add = (sums: Map<string, bigint>, { clientOrderId }: OrderTerms, quantity: bigint) =>
          sums.set(clientOrderId, (sums.get(clientOrderId) ?? 0n) + quantity);
        const book = play(session, (_, { outcomes }) => {
          for (const outcome of outcomes) {
            const { order } = outcome;
            asked.set(order.terms.clientOrderId, order.terms.quantity);
            if (outcome.kind === 'traded') {
              for (const { terms } of [order, outcome.contra]) {
                add(traded, terms, outcome.quantity);
                bySide[terms.side] += outcome.quantity;
              }
              expect(order.cumulative).toBe(traded.get(order.terms.clientOrderId));
              expect(outcome.contra.cumulative).toBe(traded.get(outcome.contra.terms.clientOrderId));
            } else if (outcome.kind !== 'accepted') add(ended, order.terms, order.terms.quantity - order.cumulative);
          }
        });
        const waiting = new Map(restingOrders(book).map(({ terms, leaves }) => [terms.clientOrderId, leaves]));
        for (const [id, quantity] of asked) {
          expect((traded.get(id) ?? 0n) + (ended.get(id) ?? 0n) + (waiting.get(id) ?? 0n)).toBe(quantity);
        }
        expect(bySide.buy).toBe(bySide.sell);
      }),
      runs,
    );
  });

  test('never lets an account trade with itself, never fills worse than a limit, and never contradicts a state', () => {
    fc.assert(
      fc.property(sessions(['ACME']), (session) => {
        play(session, (_, { outcomes }) => {
          for (const outcome of outcomes) {
            const states = outcome.kind === 'traded' ? [outcome.order, outcome.contra] : [outcome.order];
            for (const { terms, status, cumulative, leaves } of states) {
              const open = status === 'new' || status === 'partiallyFilled';
              expect(leaves > 0n).toBe(open);
              if (open || status === 'filled') expect(cumulative + leaves).toBe(terms.quantity);
              expect(status === 'filled').toBe(cumulative === terms.quantity);
            }
            if (outcome.kind !== 'traded') continue;
            const { order, contra, priceTicks } = outcome;
            expect(order.terms.account).not.toBe(contra.terms.account);
            expect(order.terms.side).not.toBe(contra.terms.side);
            for (const { terms } of [order, contra]) {
              if (terms.pricing.kind === 'market') continue;
              const { priceTicks: limit } = terms.pricing;
              expect(terms.side === 'buy' ? priceTicks <= limit : priceTicks >= limit).toBe(true);
            }
          }
        });
        expect(session.length).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  test('fills a fill-or-kill order whole or not at all, and leaves no immediate, killed or market order waiting', () => {
    fc.assert(
      fc.property(sessions(['ACME']), (session) => {
        const book = play(session, (command, { outcomes }, before) => {
          if (command.kind !== 'submit' || command.order.life !== 'fillOrKill') return;
          const last = outcomes.at(-1)?.order;
          expect([0n, BigInt(command.order.quantity)]).toContain(last?.cumulative);
          if (last?.cumulative === 0n) expect(outcomes.every(({ kind }) => kind !== 'traded')).toBe(true);
          expect(before).toBeDefined();
        });
        for (const { terms } of restingOrders(book)) {
          expect(terms.timeInForce).toBe('day');
          expect(terms.pricing.kind).toBe('limit');
        }
        expect(session.length).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  test('leaves the book that a step started from as it was', () => {
    fc.assert(
      fc.property(sessions(['ACME']), (session) => {
        const seen: { readonly book: Book; readonly text: string }[] = [];
        play(session, (_, __, before) => seen.push({ book: before, text: textOf(before) }));
        for (const { book, text } of seen) expect(textOf(book)).toBe(text);
        expect(session.length).toBeGreaterThan(0);
      }),
      { ...runs, numRuns: 100 },
    );
  });
});

function textOf(book: Book): string {
  return JSON.stringify(book, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}

describe('the book, case by case', () => {
  const day = (id: string, account: string, side: 'buy' | 'sell', quantity: number, limit: number): PlainOrder => ({
    id,
    account,
    side,
    limit,
    life: 'day',
    quantity,
  });
  const immediate = (order: PlainOrder): PlainOrder => ({ ...order, life: 'immediateOrCancel' });
  const kill = (order: PlainOrder): PlainOrder => ({ ...order, life: 'fillOrKill' });
  const atMarket = (order: PlainOrder): PlainOrder => ({ ...order, limit: undefined });

  test.for<{ name: string; orders: readonly PlainOrder[]; last: readonly Line[]; because: string }>([
    {
      name: 'the better price first',
      orders: [day('s1', 'A', 'sell', 5, 101), day('s2', 'B', 'sell', 5, 100), day('b', 'C', 'buy', 6, 101)],
      last: ['accept b', 'trade b s2 5@100', 'trade b s1 1@101'],
      because: 'price comes before time, and the waiting order sets the price',
    },
    {
      name: 'at one price the first comer first',
      orders: [day('s1', 'A', 'sell', 5, 100), day('s2', 'B', 'sell', 5, 100), day('b', 'C', 'buy', 6, 100)],
      last: ['accept b', 'trade b s1 5@100', 'trade b s2 1@100'],
      because: 'time decides among equal prices',
    },
    {
      name: 'a partly filled order keeps its place',
      orders: [
        day('s1', 'A', 'sell', 5, 100),
        day('s2', 'B', 'sell', 5, 100),
        day('b1', 'C', 'buy', 2, 100),
        day('b2', 'C', 'buy', 4, 100),
      ],
      last: ['accept b2', 'trade b2 s1 3@100', 'trade b2 s2 1@100'],
      because: 'a fill does not cost the rest its time',
    },
    {
      name: 'cancel newest: own order next',
      orders: [day('s1', 'B', 'sell', 2, 100), day('s2', 'A', 'sell', 5, 100), day('b', 'A', 'buy', 6, 101)],
      last: ['accept b', 'trade b s1 2@100', 'cancel b 4'],
      because: 'what stands before the own order trades, then the newest gives way',
    },
    {
      name: 'fill-or-kill stops counting at the own order',
      orders: [
        day('s1', 'B', 'sell', 2, 100),
        day('s2', 'A', 'sell', 1, 100),
        day('s3', 'B', 'sell', 9, 100),
        kill(day('b', 'A', 'buy', 3, 100)),
      ],
      last: ['accept b', 'cancel b 3'],
      because: 'the units behind the own order cannot be reached in priority',
    },
    {
      name: 'an immediate order takes what is there',
      orders: [day('s1', 'A', 'sell', 2, 100), immediate(day('b', 'B', 'buy', 5, 100))],
      last: ['accept b', 'trade b s1 2@100', 'cancel b 3'],
      because: 'immediate-or-cancel never waits',
    },
    {
      name: 'a market order walks the levels and never waits',
      orders: [day('s1', 'A', 'sell', 2, 100), day('s2', 'A', 'sell', 2, 150), atMarket(day('b', 'B', 'buy', 5, 0))],
      last: ['accept b', 'trade b s1 2@100', 'trade b s2 2@150', 'cancel b 1'],
      because: 'a market order has no limit and no price to wait at',
    },
    {
      name: 'a market order meets an empty side',
      orders: [day('b1', 'A', 'buy', 2, 100), atMarket(day('b', 'B', 'buy', 5, 0))],
      last: ['reject b'],
      because: 'nobody is there to trade with',
    },
  ])('$name: $because', ({ orders, last }) => {
    let step: Step = { book: emptyBook, outcomes: [] };
    for (const [index, order] of orders.entries()) step = submit(step.book, termsOf(order), BigInt(index));
    expect(step.outcomes.map(lineOf)).toEqual(last);
  });
});
