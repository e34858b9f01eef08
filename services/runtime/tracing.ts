import { status } from '@grpc/grpc-js';
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { parseTraceparent, printTraceparent, type TraceContext, unsampledRoot } from './trace-context.ts';

/** One side of one call in its trace. */
export interface CallSpan {
  /** What goes on the wire to the next hop, or into the log. */
  readonly context: TraceContext;
  /** Ends the span with the outcome of the call. */
  end(outcome: SpanOutcome): void;
}

/** How a call ended, as its span tells it. */
type SpanOutcome =
  | { readonly kind: 'grpc'; readonly code: status }
  | { readonly kind: 'http'; readonly status: number };

/** What a span says of its call. */
export interface SpanSubject {
  readonly name: string;
  readonly attributes: Attributes;
}

/** Starts spans. Without a tracer it records nothing and passes the caller's context on. */
export interface Tracing {
  server(subject: SpanSubject, parent: TraceContext | undefined): CallSpan;
  client(subject: SpanSubject, parent: TraceContext | undefined): CallSpan;
}

/** The codes that are the server's own fault; the others do not mark a server span as failed. Source: OpenTelemetry semantic conventions for gRPC. */
const serverFaults: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** The span subject of a gRPC method on either side; made once per method. */
export function grpcSubject(path: string, server: { readonly address: string; readonly port?: number }): SpanSubject {
  const name = path.slice(1);
  const attributes: Attributes = { 'rpc.system.name': 'grpc', 'rpc.method': name, 'server.address': server.address };
  return { name, attributes: server.port === undefined ? attributes : { ...attributes, 'server.port': server.port } };
}

/** Tracing that records nothing: contexts pass through, and a call without one begins an unsampled trace. */
export const passThroughTracing: Tracing = { server: passThrough, client: passThrough };

/** How many new traces are recorded. */
export interface RootSampling {
  /** From 0 to 1. */
  readonly ratio: number;
  /** @default - `Math.random` */
  readonly random?: () => number;
}

/**
 * Tracing over an OpenTelemetry tracer that records whatever it is given: the decision falls here, before any span exists.
 * A caller's decision always wins; a new trace is recorded by the ratio. What is not recorded costs no span: the context
 * of a caller passes through unchanged, which W3C Trace Context allows.
 */
export function tracingWith(tracer: Tracer, { ratio, random = Math.random }: RootSampling): Tracing {
  const start = (kind: SpanKind) => (subject: SpanSubject, parent: TraceContext | undefined) => {
    const isSampled = parent === undefined ? random() < ratio : parent.sampled;
    return isSampled ? startSpan(tracer, kind, subject, parent) : passThrough(subject, parent);
  };
  return { server: start(SpanKind.SERVER), client: start(SpanKind.CLIENT) };
}

/** Reads the caller's trace context out of header values. */
export function extractTrace(header: (name: string) => string | undefined): TraceContext | undefined {
  const traceparent = header('traceparent');
  return traceparent === undefined ? undefined : parseTraceparent(traceparent, header('tracestate'));
}

/** Writes a trace context into headers. */
export function injectTrace(context: TraceContext, set: (name: string, value: string) => void): void {
  set('traceparent', printTraceparent(context));
  if (context.state !== undefined) set('tracestate', context.state);
}

class PassedContext implements CallSpan {
  readonly context: TraceContext;

  constructor(context: TraceContext) {
    this.context = context;
  }

  end(): void {}
}

function passThrough(_subject: SpanSubject, parent: TraceContext | undefined): CallSpan {
  return new PassedContext(parent ?? unsampledRoot());
}

function startSpan(tracer: Tracer, kind: SpanKind, subject: SpanSubject, parent: TraceContext | undefined): CallSpan {
  const span = tracer.startSpan(subject.name, { kind, attributes: subject.attributes }, otelContextOf(parent));
  const { traceId, spanId } = span.spanContext();
  const context = { traceId, spanId, sampled: true, ...(parent?.state === undefined ? {} : { state: parent.state }) };
  return { context, end: (outcome) => endSpan(span, kind, outcome) };
}

function otelContextOf(parent: TraceContext | undefined) {
  if (parent === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}

function endSpan(span: Span, kind: SpanKind, outcome: SpanOutcome): void {
  switch (outcome.kind) {
    case 'grpc':
      span.setAttribute('rpc.response.status_code', status[outcome.code] ?? String(outcome.code));
      if (outcome.code !== status.OK && (kind === SpanKind.CLIENT || serverFaults.has(outcome.code))) fail(span);
      break;
    case 'http':
      span.setAttribute('http.response.status_code', outcome.status);
      if (outcome.status >= (kind === SpanKind.CLIENT ? 400 : 500)) fail(span);
      break;
    default:
      outcome satisfies never;
  }
  span.end();
}

function fail(span: Span): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
}
