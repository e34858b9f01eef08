import { constants } from 'node:http2';
import { type Request, toAnswer } from '#policies/analysis/index.ts';
import { normalizePath } from '#policies/analysis/normalize.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { tryParseAddress } from '#policies/language/parse-pattern.ts';
import { fieldOf, type HeaderFields, type Incoming, isGrpc, pathOf, type RequestHead } from './exchange.ts';
import { type LocalReply, type Outcome, replyLocally } from './forward.ts';
import { type AccessEnding, openEntry, type Peer, type SidecarContext } from './sidecar-context.ts';

/** A connection that was accepted on a port. */
export interface InboundConnection {
  readonly port: number;
  readonly peer: Peer;
  /** URI names of the caller's certificate, null for a caller without one. */
  readonly identities: readonly string[] | null;
  readonly sni: string;
  /** The caller's address; '' when the connection is already gone. */
  readonly address: string;
}

/** Where an admitted request goes; settles when its answer has been passed on. */
export type NextHop = (incoming: Incoming, connection: InboundConnection) => Promise<Outcome>;

/** Admits or refuses one request, then passes it on: nothing reaches the application before the decision. */
export async function serveRequest(
  context: SidecarContext,
  connection: InboundConnection,
  incoming: Incoming,
  next: NextHop,
): Promise<void> {
  const { head } = incoming;
  stripOutsideHeaders(head.headers);
  context.authentication.strip(head.headers);
  const span = context.spans.start('server', pathOf(head).slice(1), head.headers);
  span.inject(head.headers);
  const opening = {
    direction: 'inbound',
    port: connection.port,
    protocol: 'http',
    head,
    traceId: span.traceId,
  } as const;
  const write = openEntry(context.log, opening);
  const ending = await admit(context, connection, incoming).then(async (refusal) => {
    if (refusal !== null) return refusal;
    const outcome = await next(normalized(context, incoming), connection);
    const upstream = outcome.because === null ? {} : { layer: 'upstream', because: outcome.because };
    return { ...outcome, verdict: 'allow', ...upstream } as AccessEnding;
  });
  write(connection.peer, ending);
  const grpc = isGrpc(head);
  span.end(spanAttributes(head, connection.peer, ending), isFailure(ending, grpc));
}

// The next hop gets the path on which the decision was made, as from Envoy: one that reads it otherwise cannot be tricked.
function normalized(context: SidecarContext, incoming: Incoming): Incoming {
  const { head } = incoming;
  const path = normalizePath(head.path, context.mesh.config.pathNormalization, DEFAULT_PROFILE);
  if (path.kind !== 'path' || path.pathAndQuery === head.path) return incoming;
  return { ...incoming, head: { ...head, path: path.pathAndQuery } };
}

/** Takes off what only the mesh may say. */
function stripOutsideHeaders(headers: HeaderFields): void {
  for (const name of Object.keys(headers)) {
    if (name === 'x-forwarded-client-cert' || name.startsWith('x-envoy-')) delete headers[name];
  }
}

async function admit(
  context: SidecarContext,
  connection: InboundConnection,
  incoming: Incoming,
): Promise<AccessEnding | null> {
  const { head } = incoming;
  if (!head.path.startsWith('/')) {
    incoming.reset(constants.NGHTTP2_PROTOCOL_ERROR);
    return { verdict: 'deny', layer: 'codec', because: 'path without a leading slash' };
  }
  if (context.enforcement === 'nothing') return null;
  const token = await context.authentication.check(head);
  if (token.kind === 'refused') {
    const grpc = token.http === 401 ? 16 : 7;
    replyLocally(incoming, { http: token.http, grpc, message: token.message });
    return { verdict: 'deny', layer: 'request-authentication', http: token.http, grpc, because: token.because };
  }
  if (context.enforcement === 'policies') {
    const refusal = decide(
      context,
      incoming,
      requestOf(context, connection, head, token.kind === 'accepted' ? token.claims : null),
    );
    if (refusal !== null) return refusal;
  }
  context.authentication.apply(token, head.headers);
  return null;
}

function decide(context: SidecarContext, incoming: Incoming, request: Request): AccessEnding | null {
  const verdict = context.decider.decide(request);
  if (verdict.allowed) return null;
  const answer = toAnswer(request, verdict);
  const told = {
    verdict: 'deny',
    layer: answer.layer,
    policy: answer.policy,
    rule: answer.rule,
    because: answer.because,
  } as const;
  if (answer.status === null) {
    incoming.reset(constants.NGHTTP2_PROTOCOL_ERROR);
    return told;
  }
  const reply: LocalReply = {
    ...answer.status,
    message: answer.status.http === 400 ? 'Bad Request' : 'RBAC: access denied',
  };
  replyLocally(incoming, reply);
  return { ...told, http: reply.http, grpc: reply.grpc };
}

function requestOf(
  context: SidecarContext,
  connection: InboundConnection,
  head: RequestHead,
  claims: Readonly<Record<string, unknown>> | null,
): Request {
  const { namespace, name } = context.workload;
  return {
    id: '',
    caller:
      connection.identities === null ? { kind: 'plaintext' } : { kind: 'mtls', identities: connection.identities },
    // Every peer is on this machine: an address would say nothing, and NetworkPolicy belongs to the kernel.
    sourceIp: null,
    remoteIp: remoteAddress(head.headers),
    destination: { namespace, workload: name, port: connection.port, ip: null },
    http: {
      method: head.method,
      path: head.path,
      host: head.authority,
      headers: new Map(
        Object.entries(head.headers).map(([key, value]) => [key, Array.isArray(value) ? value : [value]]),
      ),
    },
    token: claims === null ? null : { claims, fault: 'none' },
    sni: connection.sni,
  };
}

/** The last entry of `x-forwarded-for`: a sidecar has `use_remote_address: false`. Source: semantics.md 2. */
function remoteAddress(headers: HeaderFields): Request['remoteIp'] {
  const last = fieldOf(headers, 'x-forwarded-for')?.split(',').at(-1)?.trim();
  return last === undefined ? null : (tryParseAddress(last) ?? null);
}

/** The attributes of a proxy's span, by OpenTelemetry's names. */
export function spanAttributes(head: RequestHead, peer: Peer, ending: AccessEnding): Record<string, string | number> {
  const call: Record<string, string | number> = isGrpc(head)
    ? { 'rpc.system.name': 'grpc', 'rpc.method': pathOf(head).slice(1) }
    : { 'http.request.method': head.method, 'url.path': pathOf(head) };
  if (ending.http != null) call['http.response.status_code'] = ending.http;
  if (ending.grpc != null) call['rpc.response.status_code'] = String(ending.grpc);
  if (peer.id !== null) call['peer.spiffe_id'] = peer.id;
  if (ending.verdict === 'deny') call['meshwright.denied_by'] = ending.layer ?? '';
  return call;
}

/** Whether a span counts as failed: no answer, a server's fault, or a gRPC status that is not OK. */
export function isFailure(ending: AccessEnding, grpc: boolean): boolean {
  if (ending.http == null || ending.http >= 500) return true;
  return grpc && (ending.grpc ?? 2) !== 0;
}
