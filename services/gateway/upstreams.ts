import type { ExecutionServiceService } from '../gen/trading/execution/v1/execution.ts';
import type { MarketDataServiceService } from '../gen/trading/marketdata/v1/market_data.ts';
import type { OrderServiceService } from '../gen/trading/order/v1/order.ts';
import type { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import type { RiskServiceService } from '../gen/trading/risk/v1/risk.ts';
import {
  type CallContext,
  type CallOptions,
  type HttpAnswer,
  type PromiseClient,
  RpcError,
  requireUser,
  status,
} from '../runtime/index.ts';

/** The services behind the edge. */
export interface Upstreams {
  readonly orders: PromiseClient<typeof OrderServiceService>;
  readonly portfolio: PromiseClient<typeof PortfolioServiceService>;
  readonly marketData: PromiseClient<typeof MarketDataServiceService>;
  readonly risk: PromiseClient<typeof RiskServiceService>;
  readonly execution: PromiseClient<typeof ExecutionServiceService>;
}

/** How a call on behalf of `call` goes out: with its time, its trace and the user's token, and nothing else of the request. */
export function onBehalfOf(call: CallContext): CallOptions {
  const [authorization] = call.metadata.get('authorization');
  return { parent: call, metadata: typeof authorization === 'string' ? { authorization } : {} };
}

/**
 * The account that a request is about: the one it names, otherwise the user's first.
 * Errors: UNAUTHENTICATED without a user; NOT_FOUND when the account is not the user's, whether it exists or not.
 */
export function accountOf(call: CallContext, named: string | undefined): string {
  const { accounts } = requireUser(call);
  const account = named ?? accounts[0];
  if (account === undefined || !accounts.includes(account)) throw new RpcError(status.NOT_FOUND, 'no such account');
  return account;
}

/** An answer in the JSON mapping of Protocol Buffers. */
export function json(body: unknown): HttpAnswer {
  return { kind: 'json', body };
}
