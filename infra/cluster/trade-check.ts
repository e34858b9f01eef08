/** The least proof that the platform works as a whole: one order crosses another, through every service and the ledger. */
import { randomInt } from 'node:crypto';
import type { PlannedOrder, Trader } from '../local/demo-plan.ts';
import type { TradingApi } from '../local/trading-api.ts';
import { type MintToken, orderIn, TradingDesk } from '../local/trading-desk.ts';
import { ClusterError } from './cluster-error.ts';

/** What was seen. */
export interface TradeSeen {
  readonly clientOrderId: string;
  /** Of the crossing order. */
  readonly traceId: string;
  /** From sending the crossing order to its answer. */
  readonly answerMs: number;
}

const nameLetters = 5;
const priceTicks = 1000;

/** A market of its own for each check, so that nothing that an interrupted one left behind can trade. */
const newName = (): string =>
  Array.from({ length: nameLetters }, () => String.fromCharCode(65 + randomInt(26))).join('');

/**
 * Lists an instrument, funds two accounts, rests a sale and crosses it with a purchase, and waits until the books show it.
 * Errors: ClusterError when the order is not filled or the books do not balance; what the desk throws.
 */
export async function tradeOnce(api: TradingApi, mint: MintToken): Promise<TradeSeen> {
  const run = `UP${newName()}`;
  const instrument = { symbol: run, referencePriceTicks: priceTicks, tickValueMinor: 1 };
  const traderOf = (role: string): Trader => ({ subject: `${role}-${run}`, account: `${role}-${run}` });
  const orderOf = (trader: Trader, side: PlannedOrder['side']): PlannedOrder => ({
    trader,
    clientOrderId: `check-${trader.account}`,
    instrument,
    side,
    orderType: 'ORDER_TYPE_LIMIT',
    timeInForce: 'TIME_IN_FORCE_DAY',
    quantity: 1,
    priceTicks,
    twist: 'none',
  });
  const [seller, buyer] = [traderOf('SELLER'), traderOf('BUYER')];
  const desk = new TradingDesk(api, mint, { run, traders: [seller, buyer], instruments: [instrument] });
  await desk.setUp();
  const [sale, purchase] = [orderOf(seller, 'SIDE_SELL'), orderOf(buyer, 'SIDE_BUY')];
  orderIn(await desk.place(sale), 'the resting order');
  const sentAt = performance.now();
  const answer = await desk.place(purchase);
  const answerMs = performance.now() - sentAt;
  const { status } = orderIn(answer, 'the crossing order');
  if (status !== 'ORDER_STATUS_FILLED')
    throw new ClusterError(`the crossing order: expected it filled, got ${status}`, []);
  const differences = await desk.settle([sale, purchase]);
  if (differences.length > 0) throw new ClusterError('the books do not balance after one trade', differences);
  return { clientOrderId: purchase.clientOrderId, traceId: answer.traceId, answerMs };
}
