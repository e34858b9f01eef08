import { MarketDataService } from '../gen/descriptors.ts';
import {
  type CallContext,
  type HttpAnswer,
  type HttpRequest,
  type HttpRoute,
  type HttpServiceParts,
  status,
} from '../runtime/index.ts';
import { clientKeyOf } from './client-address.ts';
import { clientHandlers } from './client-handlers.ts';
import { operatorHandlers } from './operator-handlers.ts';
import type { RateLimit } from './rate-limit.ts';
import { gatewayRoutes } from './service.ts';
import type { Upstreams } from './upstreams.ts';

const bodyLimitBytes = 16 * 1024;
/** A little more than the greatest age of a stream, so that its own deadline ends it. */
const eventsMs = 605_000;

/** The edge: every declared route with its handler, behind the rate limit. Errors: throws when a route has no handler. */
export function gatewayParts(upstreams: Upstreams, limit: RateLimit): HttpServiceParts {
  const handlers = { ...clientHandlers(upstreams), ...operatorHandlers(upstreams) };
  const routes = gatewayRoutes.map((route): HttpRoute => {
    const handle = handlers[route.fronts?.path ?? ''];
    if (handle === undefined) throw new Error(`route \`${route.method} ${route.path}\` has no handler`);
    const limited = { route, handle: behind(limit, handle) };
    return route.fronts === MarketDataService.methods.streamQuotes ? { ...limited, timeoutMs: eventsMs } : limited;
  });
  return { routes, bodyLimitBytes };
}

function behind(limit: RateLimit, handle: HttpRoute['handle']): HttpRoute['handle'] {
  return async (request: HttpRequest, call: CallContext): Promise<HttpAnswer> => {
    const address = clientKeyOf(request.headers['x-forwarded-for']);
    const admission = await limit.admit({ address, subject: call.user?.subject });
    return admission.kind === 'admitted' ? handle(request, call) : tooMany(call, admission.retryAfterSeconds);
  };
}

function tooMany(call: CallContext, retryAfterSeconds: number): HttpAnswer {
  return {
    kind: 'json',
    status: 429,
    headers: { 'retry-after': String(retryAfterSeconds), 'cache-control': 'no-store' },
    body: {
      type: 'about:blank',
      title: 'Too Many Requests',
      status: 429,
      code: status[status.RESOURCE_EXHAUSTED],
      detail: `too many requests: try again in ${retryAfterSeconds} s`,
      traceId: call.trace?.traceId,
    },
  };
}
