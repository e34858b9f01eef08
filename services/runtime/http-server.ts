import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Address } from './address.ts';
import { probedKey, probeKey } from './grpc-server.ts';
import type { Health } from './health.ts';
import type { HttpAnswer, HttpRequest, HttpRoute, HttpServiceParts } from './http-contract.ts';
import { printJson, problemOf, problemType } from './http-problem.ts';
import { bindPrivately } from './listening.ts';
import type { ServingEnvironment } from './open-call.ts';
import { OpenRequest } from './open-request.ts';
import { httpStatusOf, RpcError, status, toRpcError } from './rpc-error.ts';
import { openStream, printEvent, sendEvents } from './server-sent-events.ts';
import type { SpanSubject } from './tracing.ts';

const defaultTimeoutMs = 10_000;
const defaultBodyLimitBytes = 64 * 1024;
const sweepMs = 20;
const jsonType = 'application/json; charset=utf-8';

const refusals: Readonly<Record<number, string>> = {
  400: 'the request is malformed',
  404: 'there is no such route',
  413: 'the body is too large',
  415: 'expected a body of type application/json',
};

/** An HTTP server over one address that serves exactly the declared routes, and `GET /healthz`. */
export class HttpServer {
  readonly #server: FastifyInstance;
  readonly #environment: ServingEnvironment;
  readonly #open = new WeakMap<FastifyRequest, OpenRequest>();
  readonly #streams = new Set<OpenRequest>();

  constructor(parts: HttpServiceParts, health: Health, environment: ServingEnvironment) {
    this.#environment = environment;
    this.#server = fastify({
      logger: false,
      exposeHeadRoutes: false,
      bodyLimit: parts.bodyLimitBytes ?? defaultBodyLimitBytes,
      requestTimeout: defaultTimeoutMs,
      routerOptions: { maxParamLength: 256 },
      frameworkErrors: (_error, request, reply) => this.#refuseUnrouted(request, reply, 400),
    });
    this.#server.removeContentTypeParser('text/plain');
    this.#server.setErrorHandler((error: FastifyError, request, reply) => this.#refuse(error, request, reply));
    this.#server.setNotFoundHandler((request, reply) => this.#refuseUnrouted(request, reply, 404));
    this.#server.get('/healthz', (_request, reply) => {
      const answer = { status: health.isServing ? 'SERVING' : 'NOT_SERVING' };
      return reply.code(health.isServing ? 200 : 503).send(answer);
    });
    for (const route of parts.routes) this.#add(route);
  }

  /** Starts listening; resolves to the address with the port that was bound. */
  async listen(address: Address): Promise<Address> {
    const target = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    await bindPrivately(address, () => this.#server.listen(target));
    const bound = this.#server.server.address();
    return address.kind === 'unix' || bound === null || typeof bound === 'string'
      ? address
      : { ...address, port: bound.port };
  }

  /** Ends every event stream, so that its reader comes back to another instance. */
  endStreams(): void {
    const reason = new RpcError(status.UNAVAILABLE, 'the service is stopping');
    for (const stream of this.#streams) stream.cancel(reason);
  }

  /** Refuses new connections and requests, and lets the open ones finish for at most `timeoutMs`. */
  async shutdown(timeoutMs: number): Promise<void> {
    const { server } = this.#server;
    const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
    // A connection that finishes its request while the server closes would otherwise be kept alive for the next one.
    const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
    await this.#server.close();
    clearTimeout(timer);
    clearInterval(sweep);
  }

  #add({ route, handle, timeoutMs = defaultTimeoutMs }: HttpRoute): void {
    const { environment, subject } = { environment: this.#environment, subject: httpSubject(route) };
    this.#server.route({
      method: route.method,
      url: fastifyPath(route.path),
      onRequest: async (request, reply) => {
        if (request.headers[probeKey] !== undefined) {
          await reply.code(204).header(probedKey, environment.service).send();
          return;
        }
        const open = new OpenRequest(request.raw, reply.raw, { subject, timeoutMs, environment });
        open.refuse = (error) => this.#fail(open, reply, error);
        open.expired = () => open.end(new RpcError(status.DEADLINE_EXCEEDED, 'deadline exceeded'));
        this.#open.set(request, open);
      },
      handler: (request, reply) => this.#serve(this.#opened(request), { request, reply, handle }),
    });
  }

  async #serve(open: OpenRequest, exchange: Exchange): Promise<FastifyReply> {
    const { request, reply, handle } = exchange;
    try {
      const answer = await handle(requestOf(request), open);
      if (open.isDone) return reply;
      if (answer.kind === 'events') return await this.#stream(open, reply, answer);
      send(open, reply, answer);
    } catch (thrown) {
      open.end(toRpcError(thrown));
    }
    return reply;
  }

  async #stream(
    open: OpenRequest,
    reply: FastifyReply,
    answer: HttpAnswer & { kind: 'events' },
  ): Promise<FastifyReply> {
    const { raw } = reply;
    reply.hijack();
    this.#streams.add(open);
    open.refuse = (error) => this.#failStream(open, reply, error);
    open.released = () => this.#streams.delete(open);
    const ended = new RpcError(status.OK, 'greatest age reached');
    open.expired = () => open.cancel(ended);
    open.signal.addEventListener('abort', () => {
      if (open.isDone) return;
      openStream(raw);
      open.finish({ code: open.cancelled?.code ?? status.CANCELLED, httpStatus: 200 });
      raw.end();
    });
    try {
      await sendEvents(raw, answer.events, open.signal);
      openStream(raw);
      if (open.finish({ code: status.OK, httpStatus: 200 })) raw.end();
    } catch (thrown) {
      open.end(toRpcError(thrown));
    }
    return reply;
  }

  #failStream(open: OpenRequest, reply: FastifyReply, error: RpcError): void {
    const { raw } = reply;
    const problem = problemOf(error, open.trace.traceId);
    if (!open.finish({ code: error.code, httpStatus: raw.headersSent ? 200 : problem.status, error })) return;
    if (raw.headersSent) raw.end(printEvent({ event: 'error', data: problem }));
    else raw.writeHead(problem.status, problemHeaders(error)).end(printJson(problem));
  }

  #fail(open: OpenRequest, reply: FastifyReply, error: RpcError, httpStatus = httpStatusOf(error.code)): void {
    if (!open.finish({ code: error.code, httpStatus, error })) return;
    const problem = problemOf(error, open.trace.traceId, httpStatus);
    reply.code(httpStatus).headers(problemHeaders(error)).send(printJson(problem));
  }

  /** HTTP itself refuses what has a route: a body that is too large, of another type, or not JSON. */
  #refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    const open = this.#open.get(request);
    const httpStatus = error.statusCode ?? 500;
    if (open === undefined) this.#refuseUnrouted(request, reply, 404);
    else if (httpStatus >= 500) this.#fail(open, reply, toRpcError(error));
    else this.#fail(open, reply, refusal(httpStatus), httpStatus);
  }

  #refuseUnrouted(request: FastifyRequest, reply: FastifyReply, httpStatus: number): void {
    const props = { subject: { name: request.method, attributes: {} }, timeoutMs: defaultTimeoutMs };
    const open = new OpenRequest(request.raw, reply.raw, { ...props, environment: this.#environment });
    this.#fail(open, reply, refusal(httpStatus), httpStatus);
  }

  #opened(request: FastifyRequest): OpenRequest {
    const open = this.#open.get(request);
    if (open === undefined) throw new Error('a request reached its handler without having been opened');
    return open;
  }
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly handle: HttpRoute['handle'];
}

function send(open: OpenRequest, reply: FastifyReply, answer: Exclude<HttpAnswer, { kind: 'events' }>): void {
  const httpStatus = answer.kind === 'empty' ? 204 : (answer.status ?? 200);
  reply.code(httpStatus).headers(answer.headers ?? {});
  if (answer.kind === 'empty') reply.send();
  else reply.header('content-type', jsonType).send(printJson(answer.body));
  open.finish({ code: status.OK, httpStatus });
}

function refusal(httpStatus: number): RpcError {
  const code = httpStatus === 404 ? status.NOT_FOUND : status.INVALID_ARGUMENT;
  return new RpcError(code, refusals[httpStatus] ?? 'the request was refused');
}

function problemHeaders(error: RpcError): Record<string, string> {
  const headers = { 'content-type': problemType, 'cache-control': 'no-store' };
  return error.code === status.UNAUTHENTICATED ? { ...headers, 'www-authenticate': 'Bearer' } : headers;
}

function requestOf(request: FastifyRequest): HttpRequest {
  return {
    path: request.params as Record<string, string>,
    query: request.query as Record<string, string>,
    body: request.body ?? undefined,
    headers: request.headers,
    remoteAddress: request.raw.socket.remoteAddress ?? '',
  };
}

/** The route of the contract in fastify's syntax. Errors: throws when a segment is neither literal nor one `{name}`. */
function fastifyPath(template: string): string {
  return template
    .split('/')
    .map((segment) => {
      const parameter = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(segment);
      if (parameter !== null) return `:${parameter[1]}`;
      if (/[{}*]/.test(segment)) throw new Error(`route \`${template}\`: segment \`${segment}\` is not supported`);
      return segment.replaceAll(':', '::');
    })
    .join('/');
}

function httpSubject(route: { readonly method: string; readonly path: string }): SpanSubject {
  const attributes = { 'http.request.method': route.method, 'http.route': route.path };
  return { name: `${route.method} ${route.path}`, attributes };
}
