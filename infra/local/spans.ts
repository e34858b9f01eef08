import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { parseTraceparent, printTraceparent, type TraceContext } from '#services/runtime/trace-context.ts';
import { fieldOf, type HeaderFields } from './exchange.ts';

/** A span under way. */
export interface ProxySpan {
  readonly traceId: string;
  /** Writes this span as the parent of the next hop. */
  inject(headers: HeaderFields): void;
  /** Ends it. Shape: attributes of strings and whole numbers; `failed` marks the span as an error. */
  end(attributes: Readonly<Record<string, string | number>>, failed: boolean): void;
}

/** Makes the spans of one sidecar and sends them to the collector in batches. */
export interface SpanExporter {
  start(kind: 'server' | 'client', name: string, headers: HeaderFields): ProxySpan;
  /** Sends what is left, as long as the collector takes it. */
  close(): Promise<void>;
}

const batchSize = 256;
const queueLimit = 4096;
const intervalMs = 500;
const exportTimeoutMs = 2000;
const kinds = { server: 2, client: 3 } as const;

/** Exports spans as OTLP JSON over the collector's UNIX socket; a collector that is down or silent costs spans, never calls. */
export function openSpanExporter(options: { readonly service: string; readonly socket: string }): SpanExporter {
  const queue: object[] = [];
  let sending: Promise<boolean> | undefined;
  const sendBatches = async (): Promise<boolean> => {
    let taken = true;
    do {
      const spans = queue.splice(0, batchSize);
      if (spans.length > 0) taken = await post(options.socket, envelope(options.service, spans));
    } while (taken && queue.length >= batchSize);
    return taken;
  };
  // INVARIANT: one batch at most has left the queue, so that the queue's limit bounds all that waits.
  const flush = (): Promise<boolean> => {
    sending ??= sendBatches().finally(() => {
      sending = undefined;
    });
    return sending;
  };
  const timer = setInterval(() => void flush(), intervalMs).unref();
  const finish = (span: object): void => {
    if (queue.length < queueLimit) queue.push(span);
    if (queue.length >= batchSize) void flush();
  };
  return {
    start: (kind, name, headers) => startSpan(kind, { name, headers, finish }),
    async close() {
      clearInterval(timer);
      let taken = (await sending) ?? true;
      while (taken && queue.length > 0) taken = await flush();
    },
  };
}

interface SpanStart {
  readonly name: string;
  readonly headers: HeaderFields;
  readonly finish: (span: object) => void;
}

function startSpan(kind: 'server' | 'client', start: SpanStart): ProxySpan {
  const parent = parseTraceparent(fieldOf(start.headers, 'traceparent'), fieldOf(start.headers, 'tracestate'));
  const context = childOf(parent);
  const beganAt = nowNanos();
  return {
    traceId: context.traceId,
    inject(headers) {
      headers['traceparent'] = printTraceparent(context);
    },
    end(attributes, failed) {
      if (!context.sampled) return;
      start.finish({
        traceId: context.traceId,
        spanId: context.spanId,
        ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
        name: start.name,
        kind: kinds[kind],
        startTimeUnixNano: String(beganAt),
        endTimeUnixNano: String(nowNanos()),
        attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) })),
        status: failed ? { code: 2 } : {},
      });
    },
  };
}

// A request without a trace begins one: in the mesh the first proxy decides on sampling, and here all are kept.
function childOf(parent: TraceContext | undefined): TraceContext {
  const spanId = randomBytes(8).toString('hex');
  if (parent !== undefined) return { ...parent, spanId };
  return { traceId: randomBytes(16).toString('hex'), spanId, sampled: true };
}

const wallOrigin = BigInt(Math.round(performance.timeOrigin * 1e6));

/** Wall time that never runs backwards, ns since the epoch. */
function nowNanos(): bigint {
  return wallOrigin + BigInt(Math.round(performance.now() * 1e6));
}

function otlpValue(value: string | number): object {
  return typeof value === 'string' ? { stringValue: value } : { intValue: String(value) };
}

function envelope(service: string, spans: readonly object[]): string {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
  return JSON.stringify({
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'meshwright.sidecar' }, spans }] }],
  });
}

/** Resolves when the exchange has ended: true iff the collector answered in time. */
function post(socketPath: string, body: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const signal = AbortSignal.timeout(exportTimeoutMs);
  const sent = request({ socketPath, method: 'POST', path: '/v1/traces', headers, signal }, (response) => {
    response.on('error', () => {});
    response.resume().once('close', () => resolve(response.complete));
  });
  sent.once('error', () => resolve(false));
  sent.end(body);
  return promise;
}
