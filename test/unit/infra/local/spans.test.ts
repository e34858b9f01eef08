import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSpanExporter } from '#infra/local/spans.ts';
import { eventually } from './slice/echo-client.ts';

let folder: string;
let socket: string;
let server: Server;
let received: number;
let silent: boolean;
const held: ServerResponse[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mw-spans-'));
  socket = join(folder, 'http.sock');
  received = 0;
  silent = true;
  server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    received += body.resourceSpans[0].scopeSpans[0].spans.length;
    if (silent) held.push(response);
    else response.end();
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
});
afterEach(() => {
  held.splice(0);
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

test('a collector that accepts and does not answer costs spans, not memory', async () => {
  const exporter = openSpanExporter({ service: 'order.trading', socket });
  for (let index = 0; index < 20_000; index += 1) exporter.start('client', 'Reserve', {}).end({}, false);
  await eventually('the first batch has come', () => received > 0);
  silent = false;
  for (const response of held.splice(0)) response.end();
  await exporter.close();
  expect(received).toBeGreaterThanOrEqual(4096);
  expect(received).toBeLessThanOrEqual(4096 + 256);
});

test('closing does not wait for a silent collector batch by batch', async () => {
  const exporter = openSpanExporter({ service: 'order.trading', socket });
  for (let index = 0; index < 1000; index += 1) exporter.start('client', 'Reserve', {}).end({}, false);
  const beganAt = performance.now();
  await exporter.close();
  expect(performance.now() - beganAt).toBeLessThan(5000);
  expect(received).toBe(256);
});
