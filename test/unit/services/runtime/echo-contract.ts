import type { MethodReference, ServiceDeclaration } from '#services/runtime/declaration.ts';

/** A message of the echo service. */
interface Text {
  readonly text: string;
}

const codec = {
  requestSerialize: (value: Text): Buffer => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes: Buffer): Text => (bytes.length === 0 ? { text: '' } : JSON.parse(bytes.toString())),
  responseSerialize: (value: Text): Buffer => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes: Buffer): Text => JSON.parse(bytes.toString()),
};

const unary = { requestStream: false as const, responseStream: false as const, ...codec };
const stream = { requestStream: false as const, responseStream: true as const, ...codec };

/** A service in the form in which contracts are generated: one method that changes something, one that reads, one stream. */
export const EchoServiceService = {
  write: { path: '/test.v1.EchoService/Write' as const, ...unary },
  read: { path: '/test.v1.EchoService/Read' as const, ...unary },
  follow: { path: '/test.v1.EchoService/Follow' as const, ...stream },
} as const;

function method(name: string, idempotency: MethodReference['idempotency'], responseStream = false): MethodReference {
  const path = `/test.v1.EchoService/${name}`;
  return { service: 'test.v1.EchoService', name, path, http: null, requestStream: false, responseStream, idempotency };
}

/** The same service as data. */
export const EchoService = {
  typeName: 'test.v1.EchoService',
  methods: {
    write: method('Write', 'none'),
    read: method('Read', 'noSideEffects'),
    follow: method('Follow', 'noSideEffects', true),
  },
};

/** What the declarations of these tests have in common. */
export const base = { namespace: 'test', owner: 'team-test', kind: 'service', scaling: 'stateless' } as const;

/** The declaration of the callee. */
export const echo: ServiceDeclaration = {
  ...base,
  name: 'echo',
  serviceAccount: 'echo',
  contracts: [{ kind: 'grpc', port: 50051, services: [EchoService] }],
  calls: [],
};
