import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { onTestFinished } from 'vitest';

/** One span as it came over the wire. */
interface SinkSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: 'server' | 'client' | 'other';
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
}

/** An OTLP/HTTP collector in this process. */
export interface OtlpSink {
  readonly endpoint: string;
  readonly spans: readonly SinkSpan[];
}

/** Starts a collector on a free port; `answer` may keep requests waiting. */
export async function startSink(
  answer: (response: ServerResponse) => void = (response) => response.end(),
): Promise<OtlpSink> {
  const spans: SinkSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') spans.push(...readExport(Buffer.concat(chunks)));
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans };
}

type Fields = ReadonlyMap<number, readonly (Uint8Array | number | bigint)[]>;

/** The fields of a message by number: enough of protobuf to read OTLP without generated code. */
function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | number | bigint)[]>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const value = readValue(reader, wireType);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function readValue(reader: BinaryReader, wireType: number): Uint8Array | number | bigint {
  switch (wireType) {
    case 0:
      return BigInt(reader.uint64());
    case 1:
      return BigInt(reader.fixed64());
    case 2:
      return reader.bytes();
    case 5:
      return reader.fixed32();
    default:
      throw new Error(`unexpected wire type ${wireType}`);
  }
}

function messages(fields: Fields, number: number): readonly Fields[] {
  return (fields.get(number) ?? []).map((value) => fieldsOf(value as Uint8Array));
}

function bytesOf(fields: Fields, number: number): Buffer {
  return Buffer.from((fields.get(number)?.[0] as Uint8Array | undefined) ?? []);
}

/** Source: opentelemetry/proto/trace/v1/trace.proto and collector/trace/v1/trace_service.proto. */
function readExport(bytes: Uint8Array): readonly SinkSpan[] {
  return messages(fieldsOf(bytes), 1).flatMap((resourceSpans) => {
    const [resource] = messages(resourceSpans, 1);
    const service = resource === undefined ? '' : String(attributesOf(resource, 1)['service.name']);
    return messages(resourceSpans, 2).flatMap((scope) => messages(scope, 2).map((span) => readSpan(span, service)));
  });
}

function readSpan(span: Fields, service: string): SinkSpan {
  const kind = Number(span.get(6)?.[0] ?? 0);
  const [spanStatus] = messages(span, 15);
  return {
    service,
    name: bytesOf(span, 5).toString(),
    traceId: bytesOf(span, 1).toString('hex'),
    spanId: bytesOf(span, 2).toString('hex'),
    parentSpanId: bytesOf(span, 4).toString('hex'),
    kind: kind === 2 ? 'server' : kind === 3 ? 'client' : 'other',
    attributes: attributesOf(span, 9),
    failed: Number(spanStatus?.get(3)?.[0] ?? 0) === 2,
  };
}

function attributesOf(fields: Fields, number: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(fields, number).map((pair) => {
      const [value] = messages(pair, 2);
      const text = value?.get(1)?.[0];
      return [
        bytesOf(pair, 1).toString(),
        text === undefined ? Number(value?.get(3)?.[0]) : Buffer.from(text as Uint8Array).toString(),
      ];
    }),
  );
}
