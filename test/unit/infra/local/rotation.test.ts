import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessEntry } from '#infra/local/access-log.ts';
import { EchoClient, endOf } from './slice/echo-client.ts';
import { type SliceMesh, startSlice } from './slice/slice-mesh.ts';

const lifetimeMs = 3000;
const rotations = 22;
const workers = 6;

let mesh: SliceMesh;
let client: EchoClient;
beforeAll(async () => {
  mesh = await startSlice({ lifetimeMs });
  client = new EchoClient(mesh.upstream);
});
afterAll(async () => {
  client?.close();
  await mesh?.stop();
});

function serials(workload: 'alpha' | 'beta'): ReadonlySet<string> {
  const lines = readFileSync(mesh.logOf(workload), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'));
  const entries = lines.map((line) => JSON.parse(line) as AccessEntry);
  return new Set(entries.flatMap(({ peerSerial }) => peerSerial ?? []));
}

async function callUntil(end: number, failures: string[]): Promise<number> {
  let calls = 0;
  while (performance.now() < end) {
    const result = await client.say('Say', 'load');
    if (result.kind === 'status') failures.push(`${result.code} ${result.details}`);
    calls += 1;
  }
  return calls;
}

async function longestStreamMs(end: number): Promise<number> {
  let longest = 0;
  while (performance.now() < end) {
    const began = performance.now();
    const stream = client.stream(0);
    stream.once('data', () => stream.pause());
    await endOf(stream);
    longest = Math.max(longest, performance.now() - began);
  }
  return longest;
}

describe('rotation under load', () => {
  test('fails no call, shows each side every certificate, and ends streams before their certificate', async () => {
    const end = performance.now() + (rotations + 1) * (lifetimeMs / 2);
    const failures: string[] = [];
    const [longest, ...calls] = await Promise.all([
      longestStreamMs(end),
      ...Array.from({ length: workers }, () => callUntil(end, failures)),
    ]);
    expect(failures).toEqual([]);
    expect(calls.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(1000);
    expect(serials('alpha').size).toBeGreaterThanOrEqual(20);
    expect(serials('beta').size).toBeGreaterThanOrEqual(20);
    // Certificates end on a whole second, up to one after their lifetime.
    expect(longest).toBeLessThan(lifetimeMs + 1000);
  }, 90_000);
});
