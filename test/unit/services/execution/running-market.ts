import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, type ClientReadableStream, credentials, Metadata } from '@grpc/grpc-js';
import type { Clock } from '#services/execution/clock.ts';
import type { FeedBounds } from '#services/execution/report-feed.ts';
import { serveMarket } from '#services/execution/serve.ts';
import { execution } from '#services/execution/service.ts';
import {
  type ExecutionReport,
  ExecutionServiceService,
  type StreamExecutionReportsResponse,
} from '#services/gen/trading/execution/v1/execution.ts';
import { OrderType, Side, type TimeInForce } from '#services/gen/trading/fix/v1/fix.ts';
import { HealthService } from '#services/runtime/health.ts';
import { startService } from '#services/runtime/index.ts';
import { asUser, type BareClient, connectBare } from '../../../support/bare-grpc.ts';
import type { TestDatabase } from '../../../support/postgres.ts';

/** One instance of the market on loopback. */
export interface RunningMarket extends AsyncDisposable {
  readonly address: string;
  readonly client: BareClient<typeof ExecutionServiceService>;
}

/** What a test may change about an instance. */
export interface MarketOptions {
  readonly marketData?: string;
  readonly clock?: Clock;
  readonly feedBounds?: FeedBounds;
}

/** A market whose process is of its own, to be killed. */
export interface MarketProcess extends RunningMarket {
  readonly child: ChildProcess;
  /** Ends it as the kernel would, without any farewell. */
  kill(): Promise<void>;
  residentMegabytes(): Promise<number>;
}

/** The time as it is. */
export const realClock: Clock = {
  nowUnixUs: () => BigInt(Date.now()) * 1000n,
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
};

/** The limits under which the local mesh runs a service. */
const heapLimits = ['--max-old-space-size=96', '--max-semi-space-size=4'];
const nobodyListens = '127.0.0.1:9';

/** The metadata of an operator of the market. */
export const operator = asUser('olga', [], 'operations.market');

async function environmentOf(database: TestDatabase, marketData = nobodyListens): Promise<Record<string, string>> {
  return {
    ...(await database.environmentOf('execution')),
    LISTEN: '127.0.0.1:0',
    UPSTREAM_MARKET_DATA: marketData,
    DRAIN_MS: '0',
  };
}

/** Starts the service as its `main.ts` does, in this process; it may not be the writer yet. */
export async function startMarket(database: TestDatabase, options: MarketOptions = {}): Promise<RunningMarket> {
  const { clock = realClock, marketData, ...rest } = options;
  const environment = { ...(await environmentOf(database, marketData)), LOG_LEVEL: 'silent' };
  const service = await startService(execution, environment, async (context) =>
    serveMarket(context, { clock, holder: `test-${crypto.randomUUID()}`, ...rest }),
  );
  const { methods, close } = connectBare(service.address, ExecutionServiceService);
  return {
    address: service.address,
    client: methods,
    [Symbol.asyncDispose]: async () => {
      close();
      await service.stop();
    },
  };
}

/** Starts `main.ts` as a process. */
export async function startMarketProcess(database: TestDatabase, marketData?: string): Promise<MarketProcess> {
  const main = new URL('../../../../services/execution/main.ts', import.meta.url).pathname;
  const env = await environmentOf(database, marketData);
  const child = spawn(process.execPath, [...heapLimits, main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const address = await addressIn(child);
  const { methods, close } = connectBare(address, ExecutionServiceService);
  const end = async (signal: NodeJS.Signals) => {
    close();
    child.kill(signal);
    await exited;
  };
  return {
    address,
    client: methods,
    child,
    kill: () => end('SIGKILL'),
    residentMegabytes: async () => {
      const text = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1024;
    },
    [Symbol.asyncDispose]: () => end('SIGTERM'),
  };
}

function addressIn(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('exit', (code) => reject(new Error(`the market ended with ${code}: ${text}`)));
    child.stdout?.on('data', (chunk) => {
      if (text.includes('"msg":"serving"')) return;
      text += chunk;
      const line = text.split('\n').find((each) => each.includes('"msg":"serving"'));
      if (line !== undefined) resolve(JSON.parse(line).address);
    });
  });
}

/** Whether an instance says that it wants traffic. */
export async function isServing(address: string): Promise<boolean> {
  const { methods, close } = connectBare(address, HealthService);
  const { status } = await methods.check({ service: '' }).finally(close);
  return status === 1;
}

/** Resolves when health says so. */
export async function untilServing(address: string, wanted = true): Promise<void> {
  const client = new Client(address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = HealthService.watch;
  const options = { deadline: Date.now() + 20_000 };
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { service: '' },
    new Metadata(),
    options,
  );
  try {
    for await (const { status } of stream) if ((status === 1) === wanted) return;
    throw new Error(`the health of ${address} ended before it was ${wanted}`);
  } finally {
    stream.on('error', () => {});
    stream.cancel();
    client.close();
  }
}

/** A stream of reports, not read until somebody reads. */
export interface ReportStream extends Disposable {
  readonly stream: ClientReadableStream<StreamExecutionReportsResponse>;
  /** The next `count` reports. */
  take(count: number): Promise<ExecutionReport[]>;
  /** Reads to the end; gives what came and the code at the end. */
  drain(): Promise<{ readonly reports: ExecutionReport[]; readonly code: number }>;
}

/** Opens a stream of reports; the connection is its own. */
export function openReports(address: string, fromSequence: bigint): ReportStream {
  // The least window that HTTP/2 begins with, so that a reader that takes nothing is felt early.
  const client = new Client(address, credentials.createInsecure(), { 'grpc-node.flow_control_window': 65_535 });
  const { path, requestSerialize, responseDeserialize } = ExecutionServiceService.streamExecutionReports;
  const options = { deadline: Date.now() + 60_000 };
  const request = { fromSequence };
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    new Metadata(),
    options,
  );
  const code = new Promise<number>((resolve) => stream.once('status', (status) => resolve(status.code)));
  // The error also reaches whoever reads; a stream that nobody reads any more must not end the test.
  stream.on('error', () => {});
  const iterator = stream[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await iterator.next();
    return done === true ? undefined : (value as StreamExecutionReportsResponse).report;
  };
  return {
    stream,
    take: async (count) => {
      const reports: ExecutionReport[] = [];
      while (reports.length < count) {
        const report = await next();
        if (report === undefined) throw new Error(`the stream ended after ${reports.length} of ${count} reports`);
        reports.push(report);
      }
      return reports;
    },
    drain: async () => {
      const reports: ExecutionReport[] = [];
      try {
        for (let report = await next(); report !== undefined; report = await next()) reports.push(report);
      } catch {
        // The code tells why.
      }
      return { reports, code: await code };
    },
    [Symbol.dispose]: () => {
      stream.cancel();
      client.close();
    },
  };
}

/** An order as tests write it: `limit` 0 is a market order. */
export interface SimpleOrder {
  readonly id: string;
  readonly account?: string;
  readonly symbol?: string;
  readonly side?: 'buy' | 'sell';
  readonly quantity?: bigint;
  readonly limit?: bigint;
  readonly timeInForce?: TimeInForce;
}

/** The request that submits an order: by default A buys 5 ACME at 100 for the day. */
export function submission(order: SimpleOrder) {
  const { id, account = 'A', symbol = 'ACME', side = 'buy', quantity = 5n, limit = 100n, timeInForce = 1 } = order;
  return {
    terms: {
      account,
      clientOrderId: id,
      symbol,
      side: side === 'buy' ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: limit === 0n ? OrderType.ORDER_TYPE_MARKET : OrderType.ORDER_TYPE_LIMIT,
      timeInForce,
      quantity,
      priceTicks: limit,
    },
  };
}

/** Lists a symbol with a tick of 5 cents. */
export async function list(market: RunningMarket, symbol: string): Promise<void> {
  const tickValue = { currency: 'USD', amountMinor: 5n };
  await market.client.defineInstrument({ requestId: `list-${symbol}`, symbol, tickValue }, operator);
}

/** The gRPC code of a call; 0 when it succeeds. */
export async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return 0;
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
}
