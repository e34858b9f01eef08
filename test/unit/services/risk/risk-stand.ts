import { status } from '@grpc/grpc-js';
import { OrderRejectReason, type OrderType, type Side, type TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { riskPolicy } from '#services/risk/policy.ts';
import { type FakeServer, fake, serveFakes } from '../../../support/bare-grpc.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { buy, fresh, limits, patientPolicy, type RunningRisk, startRisk } from './running-risk.ts';

const { ORDER_REJECT_REASON_UNSPECIFIED: unspecified, ...others } = OrderRejectReason;
/** No reason to refuse. */
export const passed = unspecified;
/** The reasons to refuse. */
export const reasons = others;

/** Holds risk's schema. */
export let database: TestDatabase;
let ledger: FakeServer;
/** Risk with a patient policy. */
export let risk: RunningRisk;
/** A second replica on the same database. */
export let replica: RunningRisk;
/** A replica that lets an account send three orders an hour, none twice. */
export let strict: RunningRisk;
/** A replica whose reservations lapse at once. */
export let hasty: RunningRisk;

/** What the fake ledger answers, by account; every other account owns 2000 cents and 10 units. */
export const holdings = new Map<string, { cashMinor: bigint; positionQuantity: bigint }>();
let beforeAnswer: () => Promise<void> = async () => {};

/** Sets what happens in the fake ledger after a balance was read and before it is answered. */
export function beforeLedgerAnswers(happens: () => Promise<void>): void {
  beforeAnswer = happens;
}

const serveLedger = (port?: number) =>
  serveFakes(
    [
      fake(PortfolioServiceService, {
        getLimitsBasis: async ({ account }) => {
          const basis = holdings.get(account) ?? { cashMinor: 2000n, positionQuantity: 10n };
          await beforeAnswer();
          return basis;
        },
      }),
    ],
    port,
  );

/** Starts everything; for `beforeAll`. */
export async function openStand(): Promise<void> {
  database = await withDatabase(['risk']);
  ledger = await serveLedger();
  risk = await startRisk(database, ledger.address, patientPolicy);
  replica = await startRisk(database, ledger.address, patientPolicy);
  const longWindows = { orderRate: { orders: 3n, windowMs: 3_600_000 }, repetitionMs: 3_600_000 };
  strict = await startRisk(database, ledger.address, { ...riskPolicy, ...longWindows });
  hasty = await startRisk(database, ledger.address, { ...patientPolicy, unconfirmedMs: 0 });
  await risk.client.setInstrumentLimits({ ...limits, requestId: fresh('L') });
}

/** Ends everything; for `afterAll`. */
export async function closeStand(): Promise<void> {
  for (const service of [hasty, strict, replica, risk]) await service?.[Symbol.asyncDispose]();
  ledger?.stop();
  await database?.[Symbol.asyncDispose]();
}

/** Takes the ledger away while `body` runs, and brings it back at the same port. */
export async function withoutLedger(body: () => Promise<void>): Promise<void> {
  const port = Number(ledger.address.split(':')[1]);
  ledger.stop();
  try {
    await body();
  } finally {
    ledger = await serveLedger(port);
  }
}

/** Terms that a test sets itself. */
export type Given = Partial<
  Record<'account' | 'clientOrderId' | 'symbol', string> & {
    side: Side;
    orderType: OrderType;
    timeInForce: TimeInForce;
    quantity: bigint;
    priceTicks: bigint;
  }
>;

/** Terms like `buy` of an account and an order of its own. */
export const termsOf = (given: Given = {}) => ({ ...buy, account: fresh('A'), clientOrderId: fresh('O'), ...given });

/** Reserves, and gives the reason of a refusal. */
export const reserve = async (given: Given, on: RunningRisk = risk) =>
  (await on.client.reserve({ terms: termsOf(given) })).rejectReason;

/** The code that a call ends with. */
export const codeOf = async (call: Promise<unknown>): Promise<number> => {
  try {
    await call;
    return status.OK;
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
};

/** Adjusts the reservation of an order. */
export const adjust = (
  terms: { account: string; clientOrderId: string },
  sequence: bigint,
  leavesQuantity: bigint,
  price = 0n,
) =>
  risk.client.adjustReservation({
    account: terms.account,
    clientOrderId: terms.clientOrderId,
    sequence,
    leavesQuantity,
    lastPriceTicks: price,
  });
