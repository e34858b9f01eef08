import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OrderRejectReason, type OrderTerms, Side } from '#services/gen/trading/fix/v1/fix.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { type RunningPortfolio, startPortfolio } from '../portfolio/running-portfolio.ts';
import { buy, fresh, limits, patientPolicy, type RunningRisk, startRisk } from './running-risk.ts';

let database: TestDatabase;
let ledger: RunningPortfolio;
/** Two replicas, and one whose reservations lapse at once. */
let replicas: readonly RunningRisk[] = [];
let hasty: RunningRisk;

beforeAll(async () => {
  database = await withDatabase(['portfolio', 'risk']);
  ledger = await startPortfolio(database);
  replicas = [
    await startRisk(database, ledger.address, patientPolicy),
    await startRisk(database, ledger.address, patientPolicy),
  ];
  hasty = await startRisk(database, ledger.address, { ...patientPolicy, unconfirmedMs: 0 });
  const wide = { collarBasisPoints: 5000n, requestId: fresh('L') };
  await hasty.client.setInstrumentLimits({ ...limits, ...wide });
});

afterAll(async () => {
  for (const service of [hasty, ...replicas, ledger]) await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

/** An order and what the market does with it. */
interface Script {
  readonly account: number;
  readonly side: Side;
  readonly quantity: bigint;
  readonly priceTicks: bigint;
  readonly replica: number;
  readonly reservedTwice: boolean;
  /** Quantities of its fills, cut off where the order ends, and how many ticks better than its limit they are. */
  readonly fills: readonly { readonly quantity: bigint; readonly better: bigint }[];
  /** `lapses`: its reservation lapses before it is submitted, so that the market never sees it. */
  readonly end: 'rests' | 'canceled' | 'lapses' | 'released';
}

const script: fc.Arbitrary<Script> = fc.record({
  account: fc.integer({ min: 0, max: 1 }),
  side: fc.constantFrom<Side>(Side.SIDE_BUY, Side.SIDE_SELL),
  quantity: fc.bigInt({ min: 1n, max: 12n }),
  priceTicks: fc.bigInt({ min: 60n, max: 140n }),
  replica: fc.integer({ min: 0, max: 1 }),
  reservedTwice: fc.boolean(),
  fills: fc.array(fc.record({ quantity: fc.bigInt({ min: 1n, max: 6n }), better: fc.bigInt({ min: 0n, max: 9n }) }), {
    maxLength: 3,
  }),
  end: fc.constantFrom('rests', 'canceled', 'lapses', 'released'),
});

const openingCash = 4000n;
const openingUnits = 20n;
const figures = { passed: 0, refused: 0, fills: 0 };
let sequence = 0n;

/** What the market may still take from each account: leaves of live orders by side. */
class Market {
  readonly live = new Map<string, { readonly terms: OrderTerms; leaves: bigint }>();

  async play(each: Script, account: string): Promise<void> {
    const { side, quantity, priceTicks } = each;
    const terms = { ...buy, account, clientOrderId: fresh('O'), side, quantity, priceTicks };
    const risk = (each.end === 'lapses' ? hasty : replicas[each.replica]) ?? hasty;
    const answers = await Promise.all(
      Array.from({ length: each.reservedTwice ? 2 : 1 }, () => risk.client.reserve({ terms })),
    );
    const reasons = new Set(answers.map(({ rejectReason }) => rejectReason));
    if (reasons.has(OrderRejectReason.ORDER_REJECT_REASON_CREDIT)) figures.refused += 1;
    if (each.end === 'lapses' || !reasons.has(OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED)) return;
    figures.passed += 1;
    if (each.end === 'released') await adjust(risk, terms, { sequence: 0n, leaves: 0n });
    else await this.#trade(each, risk, terms);
  }

  async #trade(each: Script, risk: RunningRisk, terms: OrderTerms): Promise<void> {
    const order = { terms, leaves: terms.quantity };
    this.live.set(terms.clientOrderId, order);
    await adjust(risk, terms, { sequence: next(), leaves: order.leaves });
    for (const fill of each.fills) {
      // biome-ignore lint/complexity/useMathMinMax: Math.min takes no bigint
      const quantity = fill.quantity < order.leaves ? fill.quantity : order.leaves;
      if (quantity === 0n) break;
      await settle(terms, quantity, fill.better);
      order.leaves -= quantity;
      await adjust(risk, terms, { sequence: next(), leaves: order.leaves });
    }
    if (each.end !== 'canceled') return;
    order.leaves = 0n;
    await adjust(risk, terms, { sequence: next(), leaves: 0n });
  }

  /** What an account is left with when every live order on `side` is filled at its limit. */
  worst(account: string, side: Side, worth: (leaves: bigint, priceTicks: bigint) => bigint): bigint {
    const live = [...this.live.values()].filter(({ terms }) => terms.account === account && terms.side === side);
    return live.reduce((sum, { leaves, terms }) => sum + worth(leaves, terms.priceTicks), 0n);
  }
}

const next = () => {
  sequence += 1n;
  return sequence;
};

const adjust = (risk: RunningRisk, terms: OrderTerms, report: { readonly sequence: bigint; readonly leaves: bigint }) =>
  risk.client.adjustReservation({
    account: terms.account,
    clientOrderId: terms.clientOrderId,
    sequence: report.sequence,
    leavesQuantity: report.leaves,
    lastPriceTicks: 0n,
  });

const settle = async (terms: OrderTerms, quantity: bigint, better: bigint) => {
  const buys = terms.side === Side.SIDE_BUY;
  figures.fills += 1;
  await ledger.client.settleTrade({
    executionId: fresh('E'),
    symbol: 'ACME',
    buyerAccount: buys ? terms.account : 'MARKET',
    sellerAccount: buys ? 'MARKET' : terms.account,
    quantity,
    priceTicks: buys ? terms.priceTicks - better : terms.priceTicks + better,
    tickValue: limits.tickValue,
  });
};

const fund = async (account: string) => {
  const cash = { currency: 'USD', amountMinor: openingCash };
  const units = { symbol: 'ACME', quantity: openingUnits };
  await ledger.client.deposit({ requestId: fresh('D'), account, cash });
  await ledger.client.deposit({ requestId: fresh('D'), account, units });
  return account;
};

describe('risk', () => {
  test('lets no account commit more than it has, under concurrent orders, fills, cancels, lapses and repeats', async () => {
    const workers = fc.array(fc.array(script, { minLength: 1, maxLength: 8 }), { minLength: 4, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(workers, async (scripts) => {
        const accounts = [await fund(fresh('A')), await fund(fresh('A'))];
        const market = new Market();
        await Promise.all(
          scripts.map(async (own) => {
            for (const each of own) await market.play(each, accounts[each.account] ?? '');
          }),
        );
        for (const account of accounts) {
          const held = await ledger.client.getLimitsBasis({ account, currency: 'USD', symbol: 'ACME' });
          const cash = held.cashMinor - market.worst(account, Side.SIDE_BUY, (leaves, price) => leaves * price * 2n);
          const units = held.positionQuantity - market.worst(account, Side.SIDE_SELL, (leaves) => leaves);
          expect({ account, cash: cash >= 0n, units: units >= 0n }).toEqual({ account, cash: true, units: true });
        }
      }),
      { numRuns: 30, endOnFailure: true },
    );
    for (const [name, count] of Object.entries(figures)) expect(count, name).toBeGreaterThan(50);
  });
});
