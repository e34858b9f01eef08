/** What the answers of risk and of the market mean to the saga. */
import type {
  CancelTradeResponse,
  ExecutionServiceService,
  OrderState,
} from '../gen/trading/execution/v1/execution.ts';
import { OrderRejectReason } from '../gen/trading/fix/v1/fix.ts';
import type { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import type { RiskServiceService } from '../gen/trading/risk/v1/risk.ts';
import { type CallContext, type PromiseClient, RpcError, status } from '../runtime/index.ts';
import type { Terms } from './order.ts';
import type { MarketState, SagaEvent } from './saga.ts';

/** The services that the saga calls. */
export interface Callees {
  readonly risk: Pick<PromiseClient<typeof RiskServiceService>, 'reserve' | 'adjustReservation'>;
  readonly execution: Pick<
    PromiseClient<typeof ExecutionServiceService>,
    'submitTrade' | 'cancelTrade' | 'streamExecutionReports'
  >;
  readonly portfolio: Pick<PromiseClient<typeof PortfolioServiceService>, 'settleTrade'>;
}

/** Asks risk for a reservation. Whatever is not an answer is silence: the order must not pass. */
export async function reserve({ risk }: Callees, terms: Terms, parent: CallContext): Promise<SagaEvent> {
  try {
    const { rejectReason, expiresAtUnixUs } = await risk.reserve({ terms }, { parent });
    return rejectReason === OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED
      ? { kind: 'reservationGranted', untilUs: expiresAtUnixUs }
      : { kind: 'reservationRefused', reason: rejectReason };
  } catch (thrown) {
    parent.log.warn({ err: thrown }, 'risk gave no answer');
    return { kind: 'riskSilent' };
  }
}

/**
 * Sends an order to the market; repeating it is safe, the market knows it by its key.
 * Undefined = the outcome is unknown, and stays so until the market answers: it is never guessed.
 */
export async function submit(
  { execution }: Callees,
  terms: Terms,
  parent: CallContext,
): Promise<SagaEvent | undefined> {
  try {
    const { order, rejectReason, sequence } = await execution.submitTrade({ terms }, { parent });
    return { kind: 'marketAnswered', state: marketState(required(order), { rejectReason, sequence }) };
  } catch (thrown) {
    parent.log.warn({ err: thrown }, 'the market gave no answer to a submit');
    return refusalOf(thrown);
  }
}

/** Asks the market to give an order up. Undefined as with `submit`. */
export async function withdraw(
  { execution }: Callees,
  terms: Terms,
  parent: CallContext,
): Promise<SagaEvent | undefined> {
  const { account, clientOrderId } = terms;
  try {
    const requestId = 'order-service-withdraws';
    return toldBy(await execution.cancelTrade({ account, clientOrderId, requestId }, { parent }));
  } catch (thrown) {
    parent.log.warn({ err: thrown }, 'the market gave no answer to a withdrawal');
    return undefined;
  }
}

/** What the answer to a cancel says of the order. */
export function toldBy({ order, sequence }: CancelTradeResponse): SagaEvent {
  if (order === undefined) return { kind: 'marketDisowned' };
  const rejectReason = OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
  return { kind: 'marketAnswered', state: marketState(order, { rejectReason, sequence }) };
}

/** True iff `thrown` is a final answer of the callee to the request itself, one that a repetition cannot change. */
export function isRefusal(thrown: unknown): thrown is RpcError {
  return (
    thrown instanceof RpcError && (thrown.code === status.INVALID_ARGUMENT || thrown.code === status.ALREADY_EXISTS)
  );
}

function refusalOf(thrown: unknown): SagaEvent | undefined {
  if (!isRefusal(thrown)) return undefined;
  const reason =
    thrown.code === status.ALREADY_EXISTS
      ? OrderRejectReason.ORDER_REJECT_REASON_DUPLICATE
      : OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
  return { kind: 'marketRefused', reason };
}

function marketState(
  { status: orderStatus, cumulativeQuantity, leavesQuantity }: OrderState,
  { rejectReason, sequence }: Pick<MarketState, 'rejectReason' | 'sequence'>,
): MarketState {
  return { sequence, status: orderStatus, cumulativeQuantity, leavesQuantity, rejectReason };
}

function required(order: OrderState | undefined): OrderState {
  if (order === undefined) throw new Error('the market answered without an order');
  return order;
}
