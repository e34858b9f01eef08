/** A small gRPC server behind beta's sidecar: `node echo-program.ts SOCKET`. Messages are raw bytes. */
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/slice.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

let flakyCalls = 0;
let cancelled = 0;
let written = 0;

const server = new Server();
server.addService(
  {
    say: method('Say', false, false),
    other: method('Other', false, false),
    slow: method('Slow', false, false),
    flaky: method('Flaky', false, false),
    fail: method('Fail', false, false),
    stream: method('Stream', false, true),
    chat: method('Chat', true, true),
  },
  {
    say: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      const text = call.request.toString();
      if (text === 'counters') answer(null, Buffer.from(JSON.stringify({ cancelled, written, flakyCalls })));
      else if (text === 'metadata') answer(null, Buffer.from(JSON.stringify(asObject(call.metadata))));
      else answer(null, call.request);
    },
    other: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => answer(null, call.request),
    slow: (call: ServerUnaryCall<Buffer, Buffer>) => {
      call.on('cancelled', () => {
        cancelled += 1;
      });
    },
    flaky: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      flakyCalls += 1;
      if (flakyCalls % 3 === 0) answer(null, call.request);
      else answer({ code: status.UNAVAILABLE, details: 'try again' });
    },
    fail: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      call.metadata.set('x-trailer', 'kept');
      answer({ code: status.FAILED_PRECONDITION, details: 'as asked: ä', metadata: call.metadata });
    },
    stream: (call: ServerWritableStream<Buffer, Buffer>) => void pour(call, Number(call.request.toString())),
    chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
    },
  },
);

function asObject(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.getMap()).map(([name, value]) => [name, String(value)]));
}

/** Writes messages of 16 KiB as fast as the caller takes them; 0 writes until the caller leaves. */
async function pour(call: ServerWritableStream<Buffer, Buffer>, count: number): Promise<void> {
  let left = false;
  const message = Buffer.alloc(16_384, 1);
  call.once('cancelled', () => {
    left = true;
    cancelled += 1;
    call.emit('drain');
  });
  for (let sent = 0; !left && (count === 0 || sent < count); sent += 1) {
    written += message.length;
    if (!call.write(message)) await new Promise<void>((resolve) => call.once('drain', () => resolve()));
  }
  call.end();
}

server.bindAsync(`unix:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write('ready\n');
});
process.once('SIGTERM', () => process.exit(0));
