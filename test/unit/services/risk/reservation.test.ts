import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adjust, type Reservation } from '#services/risk/reservation.ts';

const open: Reservation = { quantity: 10n, unitAmount: 7n, leavesQuantity: 10n, sequence: -1n };

describe('an adjustment', () => {
  test('lowers what is open and says what it set free', () => {
    expect(adjust(open, { sequence: 4n, leavesQuantity: 6n })).toEqual({
      kind: 'changed',
      sequence: 4n,
      leavesQuantity: 6n,
      released: 28n,
    });
  });

  test.for([
    { because: 'its sequence is known', sequence: 4n },
    { because: 'its sequence is older', sequence: 3n },
    { because: 'it releases what the market has confirmed', sequence: 0n },
  ])('changes nothing when $because', ({ sequence }) => {
    expect(adjust({ ...open, sequence: 4n }, { sequence, leavesQuantity: 0n })).toEqual({ kind: 'unchanged' });
  });

  test('brings back an order that was released as lost but is on the book', () => {
    const lost = { ...open, leavesQuantity: 0n, sequence: 0n };
    expect(adjust(lost, { sequence: 9n, leavesQuantity: 8n })).toMatchObject({ leavesQuantity: 8n, released: 0n });
  });

  test('cannot leave more open than was ordered', () => {
    expect(adjust(open, { sequence: 4n, leavesQuantity: 11n })).toEqual({ kind: 'excessive' });
  });

  test('ends at the newest report, in whatever order and however often reports arrive', () => {
    const reports = fc
      .uniqueArray(fc.bigInt({ min: 1n, max: 50n }), { minLength: 1, maxLength: 8 })
      .chain((sequences) => {
        const sorted = [...sequences].sort((left, right) => (left < right ? -1 : 1));
        const all = sorted.map((sequence, index) => ({ sequence, leavesQuantity: BigInt(9 - index) }));
        const arrivals = fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 });
        return fc.record({ newest: fc.constant(all.at(-1)), arrivals });
      });
    fc.assert(
      fc.property(reports, ({ newest, arrivals }) => {
        let state = open;
        for (const report of arrivals) {
          const adjusted = adjust(state, report);
          if (adjusted.kind === 'changed') state = { ...state, ...adjusted };
        }
        expect(state).toMatchObject({ ...newest });
      }),
    );
  });
});
