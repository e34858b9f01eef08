/**
 * What the service runtime costs over bare grpc-js: unary calls, 64 in flight, over a UNIX socket, client and server in
 * processes of their own. The runtime does all that it does in production: deadline, trace context, tracing sampled at
 * 1 % and exported, one log line a call; bare grpc-js does none of it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, paired } from './paired.ts';
import type { Load, Used } from './rpc-peer.ts';

type Variant = 'bare' | 'runtime';

const callsPerBody = 1500;
const warmUpCalls = 12_000;

/** Calls a second of the runtime over those of bare grpc-js. */
export async function benchRpc(): Promise<BenchResult[]> {
  await using family = await startFamily();
  const [runtime, bare] = [await family.pair('runtime'), await family.pair('bare')];
  for (const pair of [runtime, bare]) await pair.calls(warmUpCalls);
  const before = [await runtime.cpuMs(), await bare.cpuMs()] as const;
  const counts = { runtime: 0, bare: 0 };
  const body = (variant: Variant) => async () => {
    counts[variant] += callsPerBody;
    await (variant === 'runtime' ? runtime : bare).calls(callsPerBody);
  };
  // The ratio is the time of the second over that of the first: of bare over runtime it is runtime's share of bare's calls a second.
  const row = await paired('rpc: runtime, calls a second over bare grpc-js', body('runtime'), body('bare'), {
    operations: { a: callsPerBody, b: callsPerBody },
    target: { kind: 'atLeast', ratio: 0.85 },
  });
  const after = [await runtime.cpuMs(), await bare.cpuMs()] as const;
  const perCall = {
    runtime: ((after[0] - before[0]) * 1000) / counts.runtime,
    bare: ((after[1] - before[1]) * 1000) / counts.bare,
  };
  process.stderr.write(
    `rpc: processor time a call, client and server: runtime ${perCall.runtime.toFixed(0)} us, bare ${perCall.bare.toFixed(0)} us, ` +
      `bare over runtime ${(perCall.bare / perCall.runtime).toFixed(2)} (informative)\n`,
  );
  return [row];
}

/** A client and its server. */
interface Pair {
  /** Makes calls and waits for their answers. */
  calls(count: number): Promise<void>;
  /** Processor time of both processes so far. */
  cpuMs(): Promise<number>;
}

interface Family extends AsyncDisposable {
  pair(variant: Variant): Promise<Pair>;
}

async function startFamily(): Promise<Family> {
  const folder = mkdtempSync(join(tmpdir(), 'mw-bench-'));
  const collector = await startCollector();
  const children: ChildProcess[] = [];
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, TRACE_SAMPLE_RATIO: '0.01' };
  const start = async (role: 'server' | 'client', variant: Variant) => {
    const log = openSync(join(folder, `${variant}-${role}.log`), 'w');
    const main = new URL('./rpc-peer.ts', import.meta.url);
    const args = [role, variant, `unix:${join(folder, `${variant}.sock`)}`];
    const child = fork(main, args, { env, stdio: ['ignore', log, 'inherit', 'ipc'] });
    closeSync(log);
    children.push(child);
    await answer(child);
    return child;
  };
  return {
    pair: async (variant) => pairOf(await start('server', variant), await start('client', variant)),
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map(ended));
      collector.closeAllConnections();
      collector.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function pairOf(server: ChildProcess, client: ChildProcess): Pair {
  const ask = async (child: ChildProcess, load: Load) => {
    const answered = answer(child);
    child.send(load);
    return (await answered) as Used;
  };
  return {
    calls: async (calls) => void (await ask(client, { calls })),
    cpuMs: async () => (await ask(client, { calls: 0 })).cpuMs + (await ask(server, { calls: 0 })).cpuMs,
  };
}

/** The next message of a child. Errors: rejects when it ends instead. */
function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null) => reject(new Error(`a peer of the benchmark ended with ${code}`));
    child.once('exit', gone);
    child.once('message', (message) => {
      child.off('exit', gone);
      resolve(message);
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    child.disconnect();
  });
}

/** Takes spans and forgets them. */
async function startCollector(): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
