import { CancelRejectReason } from '../gen/trading/fix/v1/fix.ts';
import { CancelOrderResponse, type OrderServiceService, PlaceOrderResponse } from '../gen/trading/order/v1/order.ts';
import { type CallContext, type Handlers, RpcError, requireUser, status } from '../runtime/index.ts';
import { printTraceparent } from '../runtime/trace-context.ts';
import { type Callees, toldBy } from './callees.ts';
import { cancelAnswer } from './message.ts';
import { isFinal, type OrderKey, sameTerms } from './order.ts';
import { messageOf, type StoredOrder } from './order-row.ts';
import { type CancelRequest, readCancel, readKey, readTerms } from './request.ts';
import type { SagaDriver } from './saga-driver.ts';
import type { OrderStore } from './store.ts';
import type { OrderWatch } from './watch.ts';

/** What the handlers work with. */
export interface OrderParts {
  readonly store: OrderStore;
  readonly driver: SagaDriver;
  readonly watch: OrderWatch;
  readonly execution: Pick<Callees['execution'], 'cancelTrade'>;
}

/** The gRPC face of orders. Who may call is the mesh's decision; whose account it is, is decided here. */
export function orderHandlers(parts: OrderParts): Handlers<typeof OrderServiceService> {
  return {
    placeOrder: async (request, call) => {
      const terms = readTerms(request.terms);
      if (!owns(call, terms)) throw new RpcError(status.NOT_FOUND, 'no such account');
      const traceparent = call.trace === undefined ? '' : printTraceparent(call.trace);
      const { kind, stored } = await parts.store.place({ terms, traceparent });
      if (!sameTerms(stored.order.terms, terms)) {
        throw new RpcError(status.ALREADY_EXISTS, 'client_order_id: used for an order with other terms');
      }
      const answered = parts.watch.until(stored, isAnswered, call.signal);
      // A saga that breaks here is taken up by a worker; the caller learns at once that it has to ask again.
      const broken = kind === 'new' ? parts.driver.drive(stored).then(() => answered) : answered;
      const { answer } = await Promise.race([answered, broken]);
      return PlaceOrderResponse.decode(required(answer));
    },
    cancelOrder: async (given, call) => {
      const request = readCancel(given);
      const stored = await findOwn(parts.store, request, call);
      const claim = await parts.store.claimCancel(request);
      switch (claim.kind) {
        case 'answered':
          return CancelOrderResponse.decode(claim.answer);
        case 'otherOrder':
          throw new RpcError(status.INVALID_ARGUMENT, 'request_id: used for another order');
        case 'open': {
          const answer = await cancel(parts, { stored, request, call });
          return CancelOrderResponse.decode(await parts.store.answerCancel(request, answer));
        }
        default:
          return claim satisfies never;
      }
    },
    getOrder: async (request, call) => ({ order: messageOf(await findOwn(parts.store, readKey(request), call)) }),
  };
}

interface Cancellation {
  readonly stored: StoredOrder;
  readonly request: CancelRequest;
  readonly call: CallContext;
}

/** Cancels at the market, which alone knows whether it is too late. The answer speaks of an order whose fills are all known. */
async function cancel(
  { store, watch, execution }: OrderParts,
  { stored, request, call }: Cancellation,
): Promise<Buffer> {
  // The market knows nothing of an order that is still on its way to it.
  const placed = await watch.until(stored, isAnswered, call.signal);
  const { order } = placed;
  if (isFinal(order.status) && order.sequence === 0n) {
    return cancelAnswer(messageOf(placed), CancelRejectReason.CANCEL_REJECT_REASON_TOO_LATE);
  }
  const { account, clientOrderId, requestId } = request;
  const response = await execution
    .cancelTrade({ account, clientOrderId, requestId }, { parent: call })
    .catch((thrown: unknown) => refuseUnanswered(thrown));
  const event = toldBy(response);
  if (event.kind !== 'marketAnswered') return cancelAnswer(messageOf(placed), response.cancelRejectReason);
  const { cumulativeQuantity } = event.state;
  const reported = await watch.until(
    placed,
    ({ order: seen }) => seen.cumulativeQuantity >= cumulativeQuantity,
    call.signal,
  );
  const told = await store.apply(reported, event);
  watch.publish(told);
  return cancelAnswer(messageOf(told), response.cancelRejectReason);
}

function refuseUnanswered(cause: unknown): never {
  if (cause instanceof RpcError && (cause.code === status.DEADLINE_EXCEEDED || cause.code === status.CANCELLED)) {
    throw cause;
  }
  throw new RpcError(status.UNAVAILABLE, 'the market does not answer: repeat the request', { cause });
}

// An order of somebody else and one that does not exist answer alike.
async function findOwn(store: OrderStore, key: OrderKey, call: CallContext): Promise<StoredOrder> {
  const stored = owns(call, key) ? await store.tryFind(key) : undefined;
  if (stored === undefined) throw new RpcError(status.NOT_FOUND, 'no such order');
  return stored;
}

function owns(call: CallContext, { account }: Pick<OrderKey, 'account'>): boolean {
  return requireUser(call).accounts.includes(account);
}

function isAnswered({ answer }: StoredOrder): boolean {
  return answer !== undefined;
}

function required(answer: Buffer | undefined): Buffer {
  if (answer === undefined) throw new Error('an answered order has no answer');
  return answer;
}
