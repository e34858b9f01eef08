/**
 * A buf plugin that writes `descriptors.ts`: every method of every contract as plain data, apart from the gRPC
 * code, so that catalog, intent and synthesis load neither gRPC nor message codecs.
 */
import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Idempotency } from '@bufbuild/protobuf/wkt';
import { createEcmaScriptPlugin, runNodeJs, type Schema } from '@bufbuild/protoplugin';

type HttpRule = { readonly pattern: { readonly case: string | undefined; readonly value?: unknown } };

const idempotencyNames: Readonly<Record<number, string>> = {
  [Idempotency.IDEMPOTENCY_UNKNOWN]: 'none',
  [Idempotency.NO_SIDE_EFFECTS]: 'noSideEffects',
  [Idempotency.IDEMPOTENT]: 'idempotent',
};

function httpOf(schema: Schema, method: DescMethod): { method: string; path: string } | undefined {
  for (const file of schema.allFiles) {
    const extension = file.extensions.find((candidate) => candidate.typeName === 'google.api.http');
    if (extension === undefined) continue;
    const { pattern } = getOption(method, extension) as HttpRule;
    return pattern.case === undefined ? undefined : { method: pattern.case.toUpperCase(), path: String(pattern.value) };
  }
  return undefined;
}

function entryOf(schema: Schema, method: DescMethod): string {
  const http = httpOf(schema, method);
  const fields = {
    service: method.parent.typeName,
    name: method.name,
    path: `/${method.parent.typeName}/${method.name}`,
    http: http ?? null,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    idempotency: idempotencyNames[method.idempotency] ?? 'none',
  };
  return `    ${method.localName}: ${JSON.stringify(fields)},`;
}

runNodeJs(
  createEcmaScriptPlugin({
    name: 'protoc-gen-descriptors',
    version: 'v1',
    generateTs(schema) {
      const file = schema.generateFile('descriptors.ts');
      file.print('// Code generated from services/proto by protoc-gen-descriptors.ts. Do not edit.');
      for (const proto of schema.files) {
        for (const service of proto.services) {
          file.print('');
          file.print(`/** The methods of \`${service.typeName}\` as data. */`);
          file.print(`export const ${service.name} = {`);
          file.print(`  typeName: ${JSON.stringify(service.typeName)},`);
          file.print('  methods: {');
          for (const method of service.methods) file.print(entryOf(schema, method));
          file.print('  },');
          file.print('} as const;');
        }
      }
    },
  }),
);
