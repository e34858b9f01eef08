import { describe, expect, test } from 'vitest';
import { RpcError, status } from '#services/runtime/index.ts';
import { parseTraceparent, printTraceparent } from '#services/runtime/trace-context.ts';
import { startCaller, startEcho } from './echo.ts';
import { EchoServiceService } from './echo-contract.ts';
import { startSink } from './otlp-sink.ts';
import { RawClient } from './raw-client.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const remote = '00f067aa0ba902b7';
const body = Buffer.from('{"text":"x"}');
const read = EchoServiceService.read.path;

describe('a traceparent header', () => {
  test.for([
    ['a sampled one', `00-${traceId}-${remote}-01`, { traceId, spanId: remote, sampled: true }],
    ['one that is not sampled', `00-${traceId}-${remote}-00`, { traceId, spanId: remote, sampled: false }],
    ['one of a later version', `01-${traceId}-${remote}-03-more`, { traceId, spanId: remote, sampled: true }],
    ['nothing', undefined, undefined],
    ['the forbidden version', `ff-${traceId}-${remote}-01`, undefined],
    ['more than version 00 may hold', `00-${traceId}-${remote}-01-more`, undefined],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${remote}-01`, undefined],
    ['a span id of zeros', `00-${traceId}-${'0'.repeat(16)}-01`, undefined],
    ['upper-case digits', `00-${traceId.toUpperCase()}-${remote}-01`, undefined],
  ] as const)('is read as W3C says: %s', ([, header, context]) => {
    expect(parseTraceparent(header)).toEqual(context);
  });

  test('prints as it was read', () => {
    const header = `00-${traceId}-${remote}-01`;
    const context = parseTraceparent(header);
    expect(context && printTraceparent(context)).toBe(header);
  });
});

/** first → second, both exporting to one sink. */
async function twoHops(env: Record<string, string>, fail = false) {
  const second = await startEcho(
    {
      read: async (request) => {
        if (fail) throw new RpcError(status.NOT_FOUND, 'not here');
        return request;
      },
    },
    env,
  );
  const caller = await startCaller(second.address, 5000, env);
  const first = await startEcho({ read: (request, call) => caller.client.read(request, { parent: call }) }, env);
  const stop = async () => {
    for (const service of [first, caller.service, second]) await service.stop();
  };
  return { address: first.address, stop };
}

describe('tracing', () => {
  test('continues the trace of the caller over two hops', async () => {
    const sink = await startSink();
    const { address, stop } = await twoHops({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint });
    await new RawClient(address).call(read, { traceparent: `00-${traceId}-${remote}-01` }, body);
    await stop();
    const [outer, client, inner] = chain(sink.spans, remote);
    expect(sink.spans.every((span) => span.traceId === traceId)).toBe(true);
    expect([outer?.kind, client?.kind, inner?.kind]).toEqual(['server', 'client', 'server']);
    expect([outer?.service, client?.service, inner?.service]).toEqual(['echo', 'caller', 'echo']);
  });

  test('names its spans and attributes after the conventions for gRPC', async () => {
    const sink = await startSink();
    const { address, stop } = await twoHops({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint }, true);
    await new RawClient(address).call(read, { traceparent: `00-${traceId}-${remote}-01` }, body);
    await stop();
    const client = sink.spans.find(({ kind }) => kind === 'client');
    expect(client).toMatchObject({
      name: 'test.v1.EchoService/Read',
      failed: true,
      attributes: {
        'rpc.system.name': 'grpc',
        'rpc.method': 'test.v1.EchoService/Read',
        'rpc.response.status_code': 'NOT_FOUND',
        'server.address': expect.stringMatching(/echo\.sock$/),
      },
    });
    // A refusal is the client's failure, not the server's.
    expect(sink.spans.filter(({ kind }) => kind === 'server').map(({ failed }) => failed)).toEqual([false, false]);
  });

  test.for([
    ['a caller that is not sampled stays so', `00-${traceId}-${remote}-00`, '1', 0],
    ['a caller that is sampled stays so', `00-${traceId}-${remote}-01`, '0', 3],
    ['a new trace follows the ratio: all', undefined, '1', 3],
    ['a new trace follows the ratio: none', undefined, '0', 0],
  ] as const)('%s', async ([, traceparent, ratio, count]) => {
    const sink = await startSink();
    const { address, stop } = await twoHops({ OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint, TRACE_SAMPLE_RATIO: ratio });
    await new RawClient(address).call(read, traceparent === undefined ? {} : { traceparent }, body);
    await stop();
    expect(sink.spans).toHaveLength(count);
  });

  test('passes context and state on where nothing is exported', async () => {
    let seen: readonly unknown[] = [];
    const second = await startEcho({
      read: async (request, call) => {
        seen = [call.metadata.get('traceparent'), call.metadata.get('tracestate')];
        return request;
      },
    });
    const caller = await startCaller(second.address);
    const first = await startEcho({ read: (request, call) => caller.client.read(request, { parent: call }) });
    const traceparent = `00-${traceId}-${remote}-01`;
    await new RawClient(first.address).call(read, { traceparent, tracestate: 'vendor=1' }, body);
    expect(seen).toEqual([[traceparent], ['vendor=1']]);
  });

  test('leaves health calls out', async () => {
    const sink = await startSink();
    const service = await startEcho({}, { OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint });
    await new RawClient(service.address).call('/grpc.health.v1.Health/Check');
    await service.stop();
    expect(sink.spans).toEqual([]);
  });

  test.for<readonly [string, () => Promise<string>]>([
    ['is dead', async () => 'http://127.0.0.1:1'],
    ['never answers', async () => (await startSink(() => {})).endpoint],
    ['refuses', async () => (await startSink((response) => response.writeHead(500).end())).endpoint],
  ])('does not touch calls when the collector %s', async ([, endpoint]) => {
    const service = await startEcho({}, { OTEL_EXPORTER_OTLP_ENDPOINT: await endpoint() });
    const { client } = await startCaller(service.address);
    const texts = await Promise.all(Array.from({ length: 200 }, (_, index) => client.read({ text: String(index) })));
    await service.stop();
    expect(texts.map(({ text }) => Number(text))).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });
});

function chain<S extends { readonly spanId: string; readonly parentSpanId: string }>(
  spans: readonly S[],
  root: string,
): readonly S[] {
  const next = spans.find(({ parentSpanId }) => parentSpanId === root);
  return next === undefined ? [] : [next, ...chain(spans, next.spanId)];
}
