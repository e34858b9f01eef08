import { setImmediate as tick } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AccountTurns } from '#services/risk/account-turns.ts';

const patient = new AbortController().signal;

describe('turns', () => {
  test('run one at a time for each account in order of arrival, and as many as there are places in all', async () => {
    const job = fc.record({ account: fc.constantFrom('A', 'B', 'C', 'D'), ticks: fc.nat(3), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), async (jobs, places) => {
        const turns = new AccountTurns(places);
        const running: string[] = [];
        const started: { readonly account: string; readonly index: number }[] = [];
        let crowded = false;
        const results = await Promise.allSettled(
          jobs.map(({ account, ticks, fails }, index) =>
            turns.take(account, patient, async () => {
              crowded ||= running.includes(account) || running.length >= places;
              running.push(account);
              started.push({ account, index });
              for (let each = 0; each < ticks; each += 1) await tick();
              running.splice(running.indexOf(account), 1);
              if (fails) throw new Error('failed');
            }),
          ),
        );
        expect(crowded).toBe(false);
        expect(results.map(({ status }) => status === 'rejected')).toEqual(jobs.map(({ fails }) => fails));
        for (const account of ['A', 'B', 'C', 'D']) {
          const order = started.filter((each) => each.account === account).map(({ index }) => index);
          expect(order).toEqual([...order].sort((left, right) => left - right));
        }
      }),
    );
  });

  test('do not begin for a call that is over, and those behind it go on', async () => {
    const turns = new AccountTurns(1);
    const gone = new AbortController();
    const gate = Promise.withResolvers<void>();
    const first = turns.take('A', patient, () => gate.promise);
    const second = turns.take('A', gone.signal, async () => 'second');
    const third = turns.take('B', gone.signal, async () => 'third');
    const fourth = turns.take('A', patient, async () => 'fourth');
    const over = expect(Promise.allSettled([second, third])).resolves.toMatchObject([
      { reason: 'deadline' },
      { reason: 'deadline' },
    ]);
    gone.abort('deadline');
    gate.resolve();
    await first;
    await over;
    expect(await fourth).toBe('fourth');
  });
});
