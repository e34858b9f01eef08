import { closeSync, ftruncateSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import type { OtlpObject } from './otlp-protobuf.ts';

/** One span as it was received, with the service that made it. */
export interface StoredSpan {
  readonly service: string;
  readonly resource: OtlpObject;
  readonly scope: OtlpObject;
  readonly span: OtlpSpan;
}

/** The members of an OTLP span that the mesh reads; times are ns since the epoch, as decimal text. */
export interface OtlpSpan extends OtlpObject {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number };
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

/** Keeps spans in a file, found by trace id; memory holds only where they are. */
export interface SpanStore {
  add(spans: readonly StoredSpan[]): void;
  /** The spans of a trace in the order of their arrival; empty for an unknown one. */
  trace(traceId: string): readonly StoredSpan[];
  /** Writes spans as one OTLP JSON document that Jaeger's UI opens. */
  exportTo(file: string, spans: readonly StoredSpan[]): void;
  /** The newest spans, at most `count`. */
  newest(count: number): readonly StoredSpan[];
  readonly size: { readonly spans: number; readonly dropped: number };
  close(): void;
}

const defaultLimitBytes = 256 * 1024 * 1024;

/** Opens a store over `file`, which is emptied now and whenever it is full: the newest spans are kept, others counted. */
export function openSpanStore(file: string, limitBytes: number = defaultLimitBytes): SpanStore {
  const descriptor = openSync(file, 'w+', 0o600);
  const traces = new Map<string, Place[]>();
  const all: Place[] = [];
  let end = 0;
  let dropped = 0;
  const forgetAll = (): void => {
    dropped += all.length;
    all.length = 0;
    traces.clear();
    end = 0;
    ftruncateSync(descriptor, 0);
  };
  const read = ({ offset, length }: Place): StoredSpan => {
    const bytes = Buffer.alloc(length);
    readSync(descriptor, bytes, 0, length, offset);
    return JSON.parse(bytes.toString('utf8')) as StoredSpan;
  };
  return {
    add(spans) {
      for (const stored of spans) {
        const bytes = Buffer.from(`${JSON.stringify(stored)}\n`);
        if (end + bytes.length > limitBytes) forgetAll();
        writeSync(descriptor, bytes, 0, bytes.length, end);
        const place = { offset: end, length: bytes.length };
        end += bytes.length;
        all.push(place);
        const known = traces.get(stored.span.traceId);
        if (known === undefined) traces.set(stored.span.traceId, [place]);
        else known.push(place);
      }
    },
    trace: (traceId) => (traces.get(traceId) ?? []).map(read),
    exportTo: (path, spans) => writeFileSync(path, JSON.stringify(asDocument(spans)), { mode: 0o600 }),
    newest: (count) => all.slice(-count).map(read),
    get size() {
      return { spans: all.length, dropped };
    },
    close: () => closeSync(descriptor),
  };
}

/** The spans of a request in OTLP's JSON form, one by one. */
export function spansOf(request: OtlpObject): readonly StoredSpan[] {
  return list(request['resourceSpans']).flatMap((group) => {
    const resource = (group['resource'] ?? {}) as OtlpObject;
    return list(group['scopeSpans']).flatMap((scoped) =>
      list(scoped['spans']).map((span) => ({
        service: serviceName(resource),
        resource,
        scope: (scoped['scope'] ?? {}) as OtlpObject,
        span: span as unknown as OtlpSpan,
      })),
    );
  });
}

const list = (value: unknown): readonly OtlpObject[] => (Array.isArray(value) ? (value as OtlpObject[]) : []);

function serviceName(resource: OtlpObject): string {
  const named = list(resource['attributes']).find((attribute) => attribute['key'] === 'service.name');
  return String((named?.['value'] as OtlpObject | undefined)?.['stringValue'] ?? 'unknown');
}

function asDocument(spans: readonly StoredSpan[]): OtlpObject {
  const groups = new Map<string, { resource: OtlpObject; scope: OtlpObject; spans: OtlpSpan[] }>();
  for (const { service, resource, scope, span } of spans) {
    const key = `${service} ${String(scope['name'])}`;
    const group = groups.get(key) ?? { resource, scope, spans: [] };
    group.spans.push(span);
    groups.set(key, group);
  }
  return {
    resourceSpans: [...groups.values()].map(({ resource, scope, spans: members }) => ({
      resource,
      scopeSpans: [{ scope, spans: members }],
    })),
  };
}
