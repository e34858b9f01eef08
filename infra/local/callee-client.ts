import type { HttpRoute } from '#policies/language/traffic.ts';
import { dispatch } from './dispatch.ts';
import { type Incoming, isGrpc, pathOf } from './exchange.ts';
import { type LocalReply, type Outcome, replyLocally } from './forward.ts';
import { isFailure, spanAttributes } from './inbound-http.ts';
import { openHttp2 } from './next-hop.ts';
import type { Callee } from './registry.ts';
import { editHeaders } from './routing.ts';
import { type AccessEnding, openEntry, type Peer, type SidecarContext, unknownPeer } from './sidecar-context.ts';
import { SessionPool, type UpstreamTarget } from './upstream.ts';

/** How a request leaves: by a route, by none because none is needed, or not at all because none matches. */
export type Departure =
  | { readonly kind: 'route'; readonly route: HttpRoute }
  | { readonly kind: 'default' }
  | { readonly kind: 'notFound' };

/** Requests to one callee: limits, time-outs, retries, mutual TLS, span and access log. */
export interface CalleeClient {
  /** Sends one request and carries its answer; settles when that has ended. */
  send(incoming: Incoming, departure: Departure): Promise<Outcome>;
  close(): void;
}

const connectTimeoutMs = 5000;
const noRoute: LocalReply = { http: 404, grpc: 12, message: '' };
const blackHole: LocalReply = { http: 502, grpc: 14, message: '' };
const overflow: LocalReply = {
  http: 503,
  grpc: 14,
  message: 'upstream connect error or disconnect/reset before headers: reset reason: overflow',
};

/** Prepares requests to a callee, or their refusal where the workload's registry does not hold it. */
export function openCallee(context: SidecarContext, callee: Callee, servicePort: number): CalleeClient {
  if (callee.kind === 'blocked') {
    const refusal = { layer: 'egress', because: callee.because };
    return {
      send: (incoming) => observe(context, servicePort, incoming, async () => refuse(incoming, blackHole, refusal)),
      close: () => {},
    };
  }
  const pool = SessionPool.toCallee(targetOf(context, callee), context.identity);
  const limit = callee.policy?.maxRequests ?? Number.POSITIVE_INFINITY;
  let active = 0;
  const send = (incoming: Incoming, departure: Departure): Promise<Outcome> =>
    observe(context, servicePort, incoming, async (peerIs) => {
      if (departure.kind === 'notFound')
        return refuse(incoming, noRoute, { layer: 'routing', because: 'no route matches' });
      if (active >= limit) {
        return refuse(incoming, overflow, { layer: 'circuit-breaker', because: `${limit} requests are under way` });
      }
      active += 1;
      try {
        return endingOf(
          await sendRouted(incoming, departure.kind === 'route' ? departure.route : null, { pool, peerIs }),
        );
      } finally {
        active -= 1;
      }
    });
  return { send, close: () => pool.close() };
}

function sendRouted(
  incoming: Incoming,
  route: HttpRoute | null,
  way: { readonly pool: SessionPool; readonly peerIs: (peer: Peer) => void },
): Promise<Outcome> {
  if (route !== null) {
    editHeaders(incoming.head.headers, route.requestHeaders);
    for (const { requestHeaders } of route.destinations) editHeaders(incoming.head.headers, requestHeaders);
  }
  const open = async () => {
    const pooled = await way.pool.acquire();
    way.peerIs({ id: pooled.peerId, serial: pooled.peerSerial, port: null });
    return openHttp2(incoming, way.pool);
  };
  return dispatch({ incoming, route, retrying: 'routed', open });
}

/** Where and as whom a callee is dialled. */
export function targetOf(context: SidecarContext, callee: Extract<Callee, { kind: 'known' }>): UpstreamTarget {
  return {
    host: callee.host,
    address: context.configuration.address,
    port: callee.containerPort,
    identities: callee.identities,
    connectTimeoutMs: callee.policy?.connectTimeoutMs ?? connectTimeoutMs,
  };
}

function endingOf(outcome: Outcome): AccessEnding {
  const upstream = outcome.because === null ? {} : { layer: 'upstream', because: outcome.because };
  return { http: outcome.http, grpc: outcome.grpc, ...upstream };
}

function refuse(
  incoming: Incoming,
  reply: LocalReply,
  why: { readonly layer: string; readonly because: string },
): AccessEnding {
  replyLocally(incoming, reply);
  return { http: reply.http, grpc: reply.grpc, verdict: 'deny', ...why };
}

/** Sends inside a client span, and logs how it ended. */
async function observe(
  context: SidecarContext,
  port: number,
  incoming: Incoming,
  send: (peerIs: (peer: Peer) => void) => Promise<AccessEnding>,
): Promise<Outcome> {
  const { head } = incoming;
  const span = context.spans.start('client', pathOf(head).slice(1), head.headers);
  span.inject(head.headers);
  const write = openEntry(context.log, { direction: 'outbound', port, protocol: 'http', head, traceId: span.traceId });
  let peer = unknownPeer;
  const ending = await send((known) => {
    peer = known;
  });
  write(peer, ending);
  span.end(spanAttributes(head, peer, ending), isFailure(ending, isGrpc(head)));
  return { http: ending.http ?? 0, grpc: ending.grpc ?? null, because: ending.because ?? null };
}
