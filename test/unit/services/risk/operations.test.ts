import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  adjust,
  beforeLedgerAnswers,
  closeStand,
  codeOf,
  database,
  openStand,
  passed,
  reasons,
  replica,
  reserve,
  risk,
  termsOf,
  withoutLedger,
} from './risk-stand.ts';
import { fresh, limits, type RunningRisk } from './running-risk.ts';

beforeAll(openStand);
afterAll(closeStand);

describe('the kill switch', () => {
  const turn = (engaged: boolean, account: string, requestId = fresh('K'), on: RunningRisk = risk) =>
    on.client.setKillSwitch({ requestId, account, engaged, reason: 'drill' });

  test('of one account stops its orders at once on every replica, and no others', async () => {
    const account = fresh('A');
    await turn(true, account);
    expect(await reserve({ account }, replica)).toBe(reasons.ORDER_REJECT_REASON_KILL_SWITCH);
    expect(await reserve({}, replica)).toBe(passed);
    await turn(false, account, fresh('K'), replica);
    expect(await reserve({ account })).toBe(passed);
  });

  test('of everyone stops every account, and is not undone by that of one', async () => {
    const account = fresh('A');
    await turn(true, '');
    await turn(false, account);
    expect(await reserve({ account }, replica)).toBe(reasons.ORDER_REJECT_REASON_KILL_SWITCH);
    expect(await reserve({})).toBe(reasons.ORDER_REJECT_REASON_KILL_SWITCH);
    await turn(false, '');
    expect(await reserve({})).toBe(passed);
  });

  test('leaves what is open alone', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await turn(true, terms.account);
    await adjust(terms, 1n, 0n);
    await turn(false, terms.account);
    expect(await reserve({ account: terms.account, quantity: 10n })).toBe(passed);
  });

  test('acts within a second while the ledger hangs, also on orders that wait for it', async () => {
    const [account, released] = [fresh('A'), Promise.withResolvers<void>()];
    beforeLedgerAnswers(() => released.promise);
    const waiting = Array.from({ length: 20 }, () => reserve({ account, quantity: 1n }));
    const startedAt = performance.now();
    await turn(true, '');
    expect(performance.now() - startedAt).toBeLessThan(1000);
    beforeLedgerAnswers(async () => {});
    released.resolve();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([reasons.ORDER_REJECT_REASON_KILL_SWITCH]));
    await turn(false, '');
  });

  test('and other accounts do not wait behind an account whose orders pile up', async () => {
    const account = fresh('A');
    const admin = await database.connectAdmin();
    try {
      await admin.query('select pg_advisory_lock(hashtextextended($1, 50052))', [account]);
      const piledUp = Array.from({ length: 20 }, () => reserve({ account, quantity: 1n }));
      expect(await reserve({})).toBe(passed);
      await turn(true, account);
      await admin.query('select pg_advisory_unlock(hashtextextended($1, 50052))', [account]);
      expect(new Set(await Promise.all(piledUp))).toEqual(new Set([reasons.ORDER_REJECT_REASON_KILL_SWITCH]));
    } finally {
      await admin.end();
    }
  });

  test('does not act again when an old request is repeated', async () => {
    const account = fresh('A');
    const engage = fresh('K');
    await turn(true, account, engage);
    await turn(false, account);
    await turn(true, account, engage);
    expect(await reserve({ account })).toBe(passed);
    expect(await codeOf(turn(false, account, engage))).toBe(status.INVALID_ARGUMENT);
  });

  test('needs a request id and a reason', async () => {
    expect(await codeOf(turn(true, '', ''))).toBe(status.INVALID_ARGUMENT);
    expect(
      await codeOf(risk.client.setKillSwitch({ requestId: fresh('K'), account: '', engaged: true, reason: '' })),
    ).toBe(status.INVALID_ARGUMENT);
  });

  test('leaves a record that the service cannot change', async () => {
    const requestId = fresh('K');
    await turn(true, fresh('A'), requestId);
    const admin = await database.connectAdmin();
    try {
      const { rows } = await admin.query('select terms from trading_risk.operator_action where request_id = $1', [
        requestId,
      ]);
      expect(rows).toMatchObject([{ terms: { engaged: true, reason: 'drill' } }]);
      await admin.query('set role trading_risk');
      await expect(admin.query('delete from trading_risk.operator_action')).rejects.toThrow(/permission denied/);
      await expect(admin.query('update trading_risk.operator_action set terms = terms')).rejects.toThrow(
        /permission denied/,
      );
    } finally {
      await admin.end();
    }
  });
});

describe('limits', () => {
  test('set again replace the old ones; an old request repeated does not', async () => {
    const symbol = 'AGAIN';
    const first = { ...limits, symbol, requestId: fresh('L') };
    await risk.client.setInstrumentLimits(first);
    await risk.client.setInstrumentLimits({ ...first, requestId: fresh('L'), maxQuantity: 5n });
    await risk.client.setInstrumentLimits(first);
    expect(await reserve({ symbol, quantity: 6n })).toBe(reasons.ORDER_REJECT_REASON_MAX_QUANTITY);
  });

  test.for([
    { name: 'no request id', given: { requestId: '' } },
    { name: 'no reference price', given: { referencePriceTicks: 0n } },
    { name: 'no collar', given: { collarBasisPoints: 0n } },
    { name: 'a collar above 100 %', given: { collarBasisPoints: 10_001n } },
    { name: 'no tick value', given: { tickValue: undefined } },
    { name: 'a quantity below 1', given: { maxQuantity: 0n } },
  ])('with $name are INVALID_ARGUMENT', async ({ given }) => {
    const request = { ...limits, requestId: fresh('L'), ...given };
    expect(await codeOf(risk.client.setInstrumentLimits(request))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('risk fails closed', () => {
  test('when the ledger is down: what would pass is UNAVAILABLE and is judged afterwards', async () => {
    const terms = termsOf();
    const replayed = termsOf();
    const first = await risk.client.reserve({ terms: replayed });
    await withoutLedger(async () => {
      expect(await codeOf(risk.client.reserve({ terms }))).toBe(status.UNAVAILABLE);
      expect(await reserve({ quantity: 1001n })).toBe(reasons.ORDER_REJECT_REASON_MAX_QUANTITY);
      expect(await risk.client.reserve({ terms: replayed })).toEqual(first);
    });
    await expect.poll(() => codeOf(risk.client.reserve({ terms })), { timeout: 10_000 }).toBe(status.OK);
  });

  test('when the database is down: everything is UNAVAILABLE, and nothing is forgotten', async () => {
    const terms = termsOf({ quantity: 10n });
    await risk.client.reserve({ terms });
    await database.stop();
    expect(await codeOf(reserve({}))).toBe(status.UNAVAILABLE);
    expect(await codeOf(adjust(terms, 1n, 0n))).toBe(status.UNAVAILABLE);
    await database.start();
    expect(await reserve({ account: terms.account, quantity: 1n })).toBe(reasons.ORDER_REJECT_REASON_CREDIT);
  });
});
