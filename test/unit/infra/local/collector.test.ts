import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Collector, startCollector } from '#infra/local/collector.ts';
import { openSpanStore } from '#infra/local/span-store.ts';
import { openSpanExporter } from '#infra/local/spans.ts';
import { printTrace } from '#infra/local/trace-tree.ts';
import { eventually } from './slice/echo-client.ts';

let folder: string;
let collector: Collector | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mw-otlp-'));
});
afterEach(async () => {
  await collector?.close();
  collector = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function start(forwardTo?: string): Promise<Collector> {
  return startCollector({
    file: join(folder, 'spans.jsonl'),
    httpSocket: join(folder, 'http.sock'),
    grpcSocket: join(folder, 'grpc.sock'),
    ...(forwardTo === undefined ? {} : { forwardTo }),
  });
}

/** One span of an application, exported as protobuf, with a child by a sidecar, exported as JSON. */
async function exportTrace(endpoint: string): Promise<string> {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'order' }),
    spanProcessors: [new SimpleSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) })],
  });
  const span = provider.getTracer('test').startSpan('PlaceOrder', { attributes: { quantity: 7, ok: true } });
  const { traceId, spanId } = span.spanContext();
  const sidecar = openSpanExporter({ service: 'order.trading', socket: join(folder, 'http.sock') });
  sidecar
    .start('client', 'Reserve', { traceparent: `00-${traceId}-${spanId}-01` })
    .end({ 'rpc.system.name': 'grpc' }, false);
  span.end();
  await Promise.all([provider.forceFlush(), sidecar.close()]);
  return traceId;
}

describe('the collector', () => {
  test('joins protobuf of applications and JSON of sidecars into one trace, found by its id', async () => {
    collector = await start();
    const traceId = await exportTrace(collector.endpoint);
    await eventually('both spans are there', () => collector?.store.trace(traceId).length === 2);
    const lines = printTrace(collector.store.trace(traceId)).split('\n');
    expect(lines[0]).toMatch(/^order .*PlaceOrder .*ms$/);
    expect(lines[1]).toMatch(/^└─ order\.trading +client +Reserve .*ms$/);
    expect(collector.store.trace('0'.repeat(32))).toEqual([]);
  });

  test('writes a document in OTLP JSON with every span under its service', async () => {
    collector = await start();
    const traceId = await exportTrace(collector.endpoint);
    await eventually('both spans are there', () => collector?.store.trace(traceId).length === 2);
    const file = join(folder, 'trace.json');
    collector.store.exportTo(file, collector.store.newest(10));
    const document = JSON.parse(readFileSync(file, 'utf8'));
    const spans = document.resourceSpans.flatMap((group: { scopeSpans: { spans: object[] }[] }) =>
      group.scopeSpans.flatMap((scope) => scope.spans),
    );
    expect(spans).toHaveLength(2);
    expect(JSON.stringify(spans)).toContain('{"key":"quantity","value":{"intValue":"7"}}');
  });

  test('forwards what it gets, and does not mind a receiver that is gone', async () => {
    let received = 0;
    const receiver = createServer((request, response) => {
      received += 1;
      request.resume();
      response.end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    collector = await start(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}`);
    await exportTrace(collector.endpoint);
    await eventually('both batches are forwarded', () => received === 2);
    receiver.closeAllConnections();
    receiver.close();
    const traceId = await exportTrace(collector.endpoint);
    await eventually('spans are still taken', () => collector?.store.trace(traceId).length === 2);
    expect(received).toBe(2);
  });

  test('refuses what is no trace', async () => {
    collector = await start();
    const send = (body: string) => fetch(`${collector?.endpoint}/v1/traces`, { method: 'POST', body });
    expect((await send('\x0f')).status).toBe(400);
    expect((await fetch(`${collector.endpoint}/other`)).status).toBe(404);
  });
});

describe('the span store', () => {
  test('never exceeds its limit, keeps the newest spans and counts the others', () => {
    const store = openSpanStore(join(folder, 'small.jsonl'), 600);
    const span = { traceId: 't', spanId: 's', name: 'n', startTimeUnixNano: '1', endTimeUnixNano: '2' };
    for (let count = 0; count < 20; count += 1) store.add([{ service: 'a', resource: {}, scope: {}, span }]);
    expect(store.size.spans).toBeGreaterThan(0);
    expect(store.size.spans + store.size.dropped).toBe(20);
    expect(store.trace('t')).toHaveLength(store.size.spans);
    store.close();
  });
});
