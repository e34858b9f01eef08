/** Methods whose messages stay bytes; each handler reads and writes its own. */
import type { MethodDefinition, ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Encoded } from './protobuf.ts';

const asBuffer = (value: Uint8Array): Buffer => Buffer.from(value);
const asBytes = (value: Buffer): Uint8Array => value;

/** A method by its path, messages as bytes. */
export function rawMethod(path: string, kind: 'unary' | 'stream'): MethodDefinition<Uint8Array, Uint8Array> {
  const isStream = kind === 'stream';
  return {
    path,
    requestStream: isStream,
    responseStream: isStream,
    requestSerialize: asBuffer,
    requestDeserialize: asBytes,
    responseSerialize: asBuffer,
    responseDeserialize: asBytes,
  };
}

/** What a unary method does with its request. */
export type RawHandler = (request: Uint8Array) => Encoded | Promise<Encoded>;

/** One service of unary methods by name, as grpc-js takes it. */
export function rawService(
  service: string,
  handlers: Readonly<Record<string, RawHandler>>,
): readonly [Record<string, MethodDefinition<Uint8Array, Uint8Array>>, UntypedServiceImplementation] {
  const names = Object.keys(handlers);
  const definition = Object.fromEntries(names.map((name) => [name, rawMethod(`/${service}/${name}`, 'unary')]));
  const implementation = Object.fromEntries(
    Object.entries(handlers).map(([name, handle]) => [
      name,
      (call: ServerUnaryCall<Uint8Array, Uint8Array>, answer: sendUnaryData<Uint8Array>) => {
        new Promise<Encoded>((resolve) => resolve(handle(call.request))).then(
          (response) => answer(null, response),
          (error: Error) => answer({ code: status.INTERNAL, details: error.message }),
        );
      },
    ]),
  );
  return [definition, implementation];
}
