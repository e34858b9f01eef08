/** The few messages of three protocols that the stand-in speaks, by field number. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A message as it goes over the wire. */
export type Encoded = Uint8Array<ArrayBuffer>;

/** Reads a message's fields: `fields[n]` handles field n, others are skipped. */
export function readFields(
  bytes: Uint8Array,
  fields: Readonly<Record<number, (reader: BinaryReader, wire: WireType) => void>>,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const read = fields[field];
    if (read === undefined) reader.skip(wire, field);
    else read(reader, wire);
  }
}

/** Writes one message. */
export function message(write: (writer: BinaryWriter) => void): Encoded {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish() as Encoded;
}

/** Adds a text field, left out when empty as proto3 does. */
export function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== '') writer.tag(field, WireType.LengthDelimited).string(value);
}

/** Adds a field of bytes or of a message. */
export function bytes(writer: BinaryWriter, field: number, value: Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited).bytes(value);
}

/** Adds a true flag; false is proto3's default. */
export function flag(writer: BinaryWriter, field: number, value: boolean): void {
  if (value) writer.tag(field, WireType.Varint).bool(true);
}
