import { MarketDataService, OrderService, PortfolioService } from '../gen/descriptors.ts';
import { GetQuoteResponse, Quote, type StreamQuotesResponse } from '../gen/trading/marketdata/v1/market_data.ts';
import { CancelOrderResponse, GetOrderResponse, PlaceOrderResponse } from '../gen/trading/order/v1/order.ts';
import { GetPositionsResponse } from '../gen/trading/portfolio/v1/portfolio.ts';
import { type HttpRequest, type HttpRoute, RpcError, type ServerSentEvent, status } from '../runtime/index.ts';
import { accountQuery, cancelOrderQuery, noQuery, placeOrderBody, readWith } from './request.ts';
import { accountOf, json, onBehalfOf, type Upstreams } from './upstreams.ts';

/** The handlers of what clients do, by the path of the gRPC method that each fronts. */
export function clientHandlers(upstreams: Upstreams): Readonly<Record<string, HttpRoute['handle']>> {
  const { orders, portfolio, marketData } = upstreams;
  return {
    [OrderService.methods.placeOrder.path]: async ({ query, body }, call) => {
      readWith(noQuery, query);
      const asked = readWith(placeOrderBody, body);
      const terms = { ...asked, account: accountOf(call, asked.account) };
      return json(PlaceOrderResponse.toJSON(await orders.placeOrder({ terms }, onBehalfOf(call))));
    },
    [OrderService.methods.getOrder.path]: async (request, call) => {
      const { account } = readWith(accountQuery, request.query);
      const key = { account: accountOf(call, account), clientOrderId: parameter(request, 'client_order_id') };
      return json(GetOrderResponse.toJSON(await orders.getOrder(key, onBehalfOf(call))));
    },
    [OrderService.methods.cancelOrder.path]: async (request, call) => {
      const { account, requestId } = readWith(cancelOrderQuery, request.query);
      const cancel = {
        requestId: requestIdOf(request, requestId),
        account: accountOf(call, account),
        clientOrderId: parameter(request, 'client_order_id'),
      };
      return json(CancelOrderResponse.toJSON(await orders.cancelOrder(cancel, onBehalfOf(call))));
    },
    [PortfolioService.methods.getPositions.path]: async ({ query }, call) => {
      const account = accountOf(call, readWith(accountQuery, query).account);
      return json(GetPositionsResponse.toJSON(await portfolio.getPositions({ account }, onBehalfOf(call))));
    },
    [MarketDataService.methods.getQuote.path]: async (request, call) => {
      readWith(noQuery, request.query);
      const symbol = parameter(request, 'symbol');
      return json(GetQuoteResponse.toJSON(await marketData.getQuote({ symbol }, onBehalfOf(call))));
    },
    [MarketDataService.methods.streamQuotes.path]: async (request, call) => {
      readWith(noQuery, request.query);
      const symbol = parameter(request, 'symbol');
      return { kind: 'events', events: quoteEvents(marketData.streamQuotes({ symbol }, onBehalfOf(call))) };
    },
  };
}

// A quote is pulled only when the one before has been taken by the reader's socket; a reader that falls too far behind is
// cut off by market-data, and no quotes pile up here.
async function* quoteEvents(quotes: AsyncIterable<StreamQuotesResponse>): AsyncGenerator<ServerSentEvent> {
  try {
    for await (const { quote } of quotes) {
      if (quote === undefined) continue;
      yield { event: 'quote', id: `${quote.instrumentSequence}`, data: Quote.toJSON(quote) };
    }
  } catch (thrown) {
    // The greatest age of a stream is its regular end: the reader comes back.
    if (!(thrown instanceof RpcError && thrown.code === status.DEADLINE_EXCEEDED)) throw thrown;
  }
}

function parameter({ path }: HttpRequest, name: string): string {
  const value = path[name];
  if (value === undefined) throw new Error(`the route has no parameter \`${name}\``);
  return value;
}

function requestIdOf({ headers }: HttpRequest, fromQuery: string | undefined): string {
  const fromHeader = headers['idempotency-key'];
  const given = [
    ...(fromQuery === undefined ? [] : [fromQuery]),
    ...(fromHeader === undefined ? [] : [fromHeader].flat()),
  ];
  const [requestId, ...others] = new Set(given);
  if (requestId === undefined || requestId === '' || others.length > 0) {
    const expected = 'expected one, in the header `Idempotency-Key` or the query';
    throw new RpcError(
      status.INVALID_ARGUMENT,
      `requestId: ${expected}, got ${given.length === 0 ? 'nothing' : 'several or an empty one'}`,
    );
  }
  return requestId;
}
