import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessEntry } from '#infra/local/access-log.ts';
import { tryReadResidentMb } from '#infra/local/mesh.ts';
import { EchoClient, endOf, eventually } from './slice/echo-client.ts';
import { type SliceMesh, startSlice } from './slice/slice-mesh.ts';

let mesh: SliceMesh;
let client: EchoClient;
beforeAll(async () => {
  mesh = await startSlice({
    extraUpstream: { host: 'unknown.slice.svc.cluster.local', port: 50152 },
  });
  client = new EchoClient(mesh.upstream);
});
afterAll(async () => {
  client?.close();
  await mesh?.stop();
});

function entries(workload: 'alpha' | 'beta'): readonly AccessEntry[] {
  const lines = readFileSync(mesh.logOf(workload), 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as AccessEntry);
}

describe('a call through two sidecars', () => {
  test('comes back as it was answered', async () => {
    expect(await client.say('Say', 'hello')).toEqual({ kind: 'answer', text: 'hello' });
  });

  test('carries a trace context and none of the headers that only the mesh may set', async () => {
    const result = await client.say('Say', 'metadata');
    const headers = JSON.parse(result.kind === 'answer' ? result.text : '{}') as Record<string, string>;
    expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(Object.keys(headers).filter((name) => /^x-(envoy|forwarded-client|jwt)/.test(name))).toEqual([]);
  });

  test('passes status, words and trailers of a failure on', async () => {
    const result = await client.say('Fail', '');
    expect(result).toMatchObject({ kind: 'status', code: 9, details: 'as asked: ä' });
    expect(result.kind === 'status' && result.trailers.get('x-trailer')).toEqual(['kept']);
  });

  test('brings a server stream whole', async () => {
    const stream = client.stream(300);
    let received = 0;
    stream.on('data', (message: Buffer) => {
      received += message.length;
    });
    expect(await endOf(stream)).toBe(0);
    expect(received).toBe(300 * 16_384);
  });

  test('ends a bidirectional stream by half-close', async () => {
    const stream = client.chat();
    const received: string[] = [];
    stream.on('data', (message: Buffer) => void received.push(message.toString()));
    for (const text of ['one', 'two', 'three']) stream.write(Buffer.from(text));
    stream.end();
    expect(await endOf(stream)).toBe(0);
    expect(received).toEqual(['one', 'two', 'three']);
  });

  test('tells the service that the caller has cancelled', async () => {
    const before = (await client.counters()).cancelled;
    const stream = client.stream(0);
    stream.once('data', () => stream.cancel());
    stream.resume();
    expect(await endOf(stream)).toBe(1);
    await eventually('the service sees the cancel', async () => (await client.counters()).cancelled > before);
    expect((await client.counters()).cancelled).toBe(before + 1);
  });

  test('ends at the deadline of the caller, for the service as well', async () => {
    const before = (await client.counters()).cancelled;
    expect(await client.say('Slow', '', { deadlineMs: 100 })).toMatchObject({ kind: 'status', code: 4 });
    await eventually('the service sees the end', async () => (await client.counters()).cancelled > before);
  });

  test('ends at the time-out of its route where the caller set no deadline', async () => {
    const began = performance.now();
    const result = await client.say('Slow', '');
    expect(result).toMatchObject({ kind: 'status', code: 4, details: 'upstream request timeout' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(290);
  });

  test('is retried as its route says', async () => {
    expect(await client.say('Flaky', 'again')).toEqual({ kind: 'answer', text: 'again' });
    expect((await client.counters()).flakyCalls).toBe(3);
  });

  test('a slow reader stops the writer and grows no memory', async () => {
    const residentMb = (): readonly number[] => [mesh.alpha, mesh.beta].map(({ pid }) => tryReadResidentMb(pid) ?? 0);
    const before = residentMb();
    const writtenBefore = (await client.counters()).written;
    const streams = Array.from({ length: 4 }, () => client.stream(0));
    for (const stream of streams) stream.once('data', () => stream.pause()).on('error', () => {});
    let written = -1;
    await eventually('the writer stands still', async () => {
      const now = (await client.counters()).written;
      const still = now === written && now > writtenBefore;
      written = now;
      if (!still) await new Promise((resolve) => setTimeout(resolve, 200));
      return still;
    });
    expect(written - writtenBefore).toBeLessThan(4 * 2_000_000);
    const grown = residentMb().map((now, index) => now - (before[index] ?? 0));
    expect(Math.max(...grown)).toBeLessThan(30);
    for (const stream of streams) stream.cancel();
  });

  test('to a host that the Sidecar does not admit is refused, and logged as egress', async () => {
    const outside = new EchoClient(join(mesh.folder, 'to-extra.sock'));
    expect(await outside.say('Say', 'out')).toMatchObject({ kind: 'status', code: 14 });
    outside.close();
    await eventually('the refusal is logged', () =>
      entries('alpha').some(({ layer, http }) => layer === 'egress' && http === 502),
    );
  });

  test('leaves an entry on either side with the identity of the other', async () => {
    await client.say('Say', 'logged');
    const path = '/slice.Echo/Say';
    const of = (workload: 'alpha' | 'beta') =>
      entries(workload).findLast((entry) => entry.path === path && entry.grpc === 0);
    await eventually('both have logged', () => of('alpha') !== undefined && of('beta') !== undefined);
    expect(of('alpha')).toMatchObject({ direction: 'outbound', peer: 'spiffe://trading.local/ns/slice/sa/beta' });
    expect(of('beta')).toMatchObject({
      direction: 'inbound',
      verdict: 'allow',
      peer: 'spiffe://trading.local/ns/slice/sa/alpha',
    });
  });
});
