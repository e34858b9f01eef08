import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Quote, QuoteBoard } from '#services/market-data/quote-board.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);

function quote(symbol: string, instrumentSequence: bigint): Quote {
  return {
    symbol,
    instrumentSequence,
    bidPriceTicks: 99n,
    bidQuantity: 1n,
    askPriceTicks: 101n,
    askQuantity: 1n,
    lastPriceTicks: 0n,
    lastQuantity: 0n,
    publishedAtUnixUs: 1n,
  };
}

describe('the board', () => {
  test(`shows of each symbol the update with the highest sequence, in whatever order they come (seed ${seed})`, () => {
    const update = fc.record({ symbol: fc.constantFrom('A', 'B', 'C'), sequence: fc.bigInt({ min: 1n, max: 30n }) });
    fc.assert(
      fc.property(fc.array(update), (updates) => {
        const board = new QuoteBoard(10);
        const highest = new Map<string, bigint>();
        for (const { symbol, sequence } of updates) {
          const isNewer = sequence > (highest.get(symbol) ?? 0n);
          expect(board.post(quote(symbol, sequence))).toBe(isNewer ? 'posted' : 'notNewer');
          if (isNewer) highest.set(symbol, sequence);
        }
        for (const symbol of ['A', 'B', 'C']) {
          expect(board.latest(symbol)?.instrumentSequence).toBe(highest.get(symbol));
        }
      }),
      { seed },
    );
  });

  test('has places for so many symbols, and keeps those that it has', () => {
    const board = new QuoteBoard(2);
    expect([board.post(quote('A', 1n)), board.post(quote('B', 1n)), board.post(quote('C', 1n))]).toEqual([
      'posted',
      'posted',
      'boardFull',
    ]);
    expect(board.post(quote('A', 2n))).toBe('posted');
  });
});
