import { BinaryReader } from '@bufbuild/protobuf/wire';

/** An object of OTLP's JSON form. Source: opentelemetry-proto, `trace/v1`, `common/v1`, `resource/v1`. */
export type OtlpObject = Record<string, unknown>;

type ReadField = (reader: BinaryReader) => unknown;

/** How a message's field becomes a member; `many` collects repeated ones. */
interface Field {
  readonly member: string;
  readonly read: ReadField;
  readonly many: boolean;
}

type Message = Readonly<Record<number, Field>>;

const one = (member: string, read: ReadField): Field => ({ member, read, many: false });
const many = (member: string, read: ReadField): Field => ({ member, read, many: true });
const text: ReadField = (reader) => reader.string();
const hex: ReadField = (reader) => Buffer.from(reader.bytes()).toString('hex');
const base64: ReadField = (reader) => Buffer.from(reader.bytes()).toString('base64');
const fixed64: ReadField = (reader) => String(reader.fixed64());
const int64: ReadField = (reader) => String(reader.int64());
const uint32: ReadField = (reader) => reader.uint32();
const inside =
  (message: () => Message): ReadField =>
  (reader) =>
    readMessage(reader, message(), reader.uint32());

const anyValue: Message = {
  1: one('stringValue', text),
  2: one('boolValue', (reader) => reader.bool()),
  3: one('intValue', int64),
  4: one('doubleValue', (reader) => reader.double()),
  5: one(
    'arrayValue',
    inside(() => ({
      1: many(
        'values',
        inside(() => anyValue),
      ),
    })),
  ),
  6: one(
    'kvlistValue',
    inside(() => ({
      1: many(
        'values',
        inside(() => keyValue),
      ),
    })),
  ),
  7: one('bytesValue', base64),
};
const keyValue: Message = {
  1: one('key', text),
  2: one(
    'value',
    inside(() => anyValue),
  ),
};
const attributes = many(
  'attributes',
  inside(() => keyValue),
);
const event: Message = { 1: one('timeUnixNano', fixed64), 2: one('name', text), 3: attributes };
const link: Message = { 1: one('traceId', hex), 2: one('spanId', hex), 3: one('traceState', text), 4: attributes };
const status: Message = { 2: one('message', text), 3: one('code', uint32) };
const span: Message = {
  1: one('traceId', hex),
  2: one('spanId', hex),
  3: one('traceState', text),
  4: one('parentSpanId', hex),
  5: one('name', text),
  6: one('kind', uint32),
  7: one('startTimeUnixNano', fixed64),
  8: one('endTimeUnixNano', fixed64),
  9: attributes,
  11: many(
    'events',
    inside(() => event),
  ),
  13: many(
    'links',
    inside(() => link),
  ),
  15: one(
    'status',
    inside(() => status),
  ),
};
const scope: Message = { 1: one('name', text), 2: one('version', text), 3: attributes };
const scopeSpans: Message = {
  1: one(
    'scope',
    inside(() => scope),
  ),
  2: many(
    'spans',
    inside(() => span),
  ),
  3: one('schemaUrl', text),
};
const resource: Message = { 1: attributes };
const resourceSpans: Message = {
  1: one(
    'resource',
    inside(() => resource),
  ),
  2: many(
    'scopeSpans',
    inside(() => scopeSpans),
  ),
  3: one('schemaUrl', text),
};
const traceRequest: Message = {
  1: many(
    'resourceSpans',
    inside(() => resourceSpans),
  ),
};

/** Reads an `ExportTraceServiceRequest` into its JSON form. Errors: throws for bytes that are no such message. */
export function readTraceRequest(bytes: Uint8Array): OtlpObject {
  return readMessage(new BinaryReader(bytes), traceRequest, bytes.length);
}

function readMessage(reader: BinaryReader, message: Message, length: number): OtlpObject {
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError('a message ends behind its envelope');
  const object: OtlpObject = {};
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = message[number];
    if (field === undefined) reader.skip(wireType, number);
    else if (field.many) object[field.member] = [...list(object[field.member]), field.read(reader)];
    else object[field.member] = field.read(reader);
  }
  return object;
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
