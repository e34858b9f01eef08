import { Metadata } from '@grpc/grpc-js';
import { pino } from 'pino';
import { ExecutionServiceService } from '#services/gen/trading/execution/v1/execution.ts';
import { PortfolioServiceService } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '#services/gen/trading/risk/v1/risk.ts';
import type { Callees } from '#services/order/callees.ts';
import type { Clock } from '#services/order/clock.ts';
import { wire } from '#services/order/order-service.ts';
import { type OrderPolicy, orderPolicy } from '#services/order/policy.ts';
import { order } from '#services/order/service.ts';
import { tryParseAddress } from '#services/runtime/address.ts';
import { PooledDatabase } from '#services/runtime/database.ts';
import { createClient, Upstream } from '#services/runtime/grpc-client.ts';
import type { CallContext, Database } from '#services/runtime/index.ts';
import { passThroughTracing } from '#services/runtime/tracing.ts';
import { type FakeServer, serveFakes } from '../../../support/bare-grpc.ts';
import { type TestDatabase, withDatabase } from '../../../support/postgres.ts';
import { CrashPoint, crashingCallees, crashingDatabase } from './crash.ts';
import { FakeLedger } from './fake-ledger.ts';
import { FakeMarket } from './fake-market.ts';
import { FakeRisk } from './fake-risk.ts';

const log = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });

/** Everything that belongs to somebody else is due at once: another process takes over without waiting. */
const impatientPolicy: OrderPolicy = {
  ...orderPolicy,
  leaseMs: 0,
  holdMs: 0,
  confirmMs: 0,
  inFlightMs: 0,
  firstRetryMs: 0,
  greatestRetryMs: 0,
};

/** A clock whose pauses end only by their signal, and which tells when somebody begins to wait. */
class StillClock implements Clock {
  us = 1_000_000n;
  #waiting = Promise.withResolvers<void>();

  nowUs(): bigint {
    this.us += 1n;
    return this.us;
  }

  async pause(_ms: number, signal: AbortSignal): Promise<void> {
    this.#waiting.resolve();
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  /** Resolves when somebody waits, from now on. */
  nextPause(): Promise<void> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}

/** The services around `order`, with its database: real gRPC and a real PostgreSQL. */
export class World implements AsyncDisposable {
  readonly market: FakeMarket;
  readonly risk: FakeRisk;
  readonly ledger: FakeLedger;
  readonly #postgres: TestDatabase;
  readonly #server: FakeServer;
  readonly #upstream: Upstream;
  readonly database: PooledDatabase;

  private constructor(postgres: TestDatabase, server: FakeServer, parts: Pick<World, 'market' | 'risk' | 'ledger'>) {
    this.market = parts.market;
    this.risk = parts.risk;
    this.ledger = parts.ledger;
    this.#postgres = postgres;
    this.#server = server;
    const address = tryParseAddress(server.address);
    if (address === undefined) throw new Error('the fakes have no address');
    this.#upstream = new Upstream(address);
    const { host, port, database: name, user } = postgres.accessOf('order');
    const passwordFile = `${host}/../${user}.password`;
    this.database = new PooledDatabase({ host, port, name, user, passwordFile, caFile: undefined }, user, log);
  }

  static async start(): Promise<World> {
    const parts = { market: new FakeMarket(), risk: new FakeRisk(), ledger: new FakeLedger() };
    const server = await serveFakes([parts.market.part, parts.risk.part, parts.ledger.part]);
    const postgres = await withDatabase(['order']);
    await postgres.environmentOf('order');
    return new World(postgres, server, parts);
  }

  /** One process of the service, that may crash. */
  process(crash = new CrashPoint(Number.POSITIVE_INFINITY)): Process {
    const environment = { calls: order.calls, tracing: passThroughTracing };
    const callees: Callees = {
      risk: createClient(RiskServiceService, this.#upstream, environment),
      execution: createClient(ExecutionServiceService, this.#upstream, environment),
      portfolio: createClient(PortfolioServiceService, this.#upstream, environment),
    };
    return new Process(crashingDatabase(this.database, crash), crashingCallees(callees, crash), crash);
  }

  /** What a started service has in its environment. */
  async environment(): Promise<Record<string, string>> {
    const { address } = this.#server;
    return {
      ...(await this.#postgres.environmentOf('order')),
      UPSTREAM_RISK: address,
      UPSTREAM_EXECUTION: address,
      UPSTREAM_PORTFOLIO: address,
      LISTEN: '127.0.0.1:0',
      LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent',
      DRAIN_MS: '0',
    };
  }

  get postgres(): TestDatabase {
    return this.#postgres;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#upstream.close();
    this.#server.stop();
    await this.database.close();
    await this.#postgres[Symbol.asyncDispose]();
  }
}

/** One process of the service whose work is done step by step, when a test says so. */
export class Process {
  readonly clock = new StillClock();
  readonly parts: ReturnType<typeof wire>;
  readonly crash: CrashPoint;

  constructor(database: Database, callees: Callees, crash: CrashPoint) {
    this.crash = crash;
    this.parts = wire({ database, callees, clock: this.clock, policy: impatientPolicy, log });
  }

  /** Runs a call of a client until it is answered, and does all other work that is due meanwhile. */
  async call<R>(make: () => Promise<R>): Promise<R> {
    const waits = this.clock.nextPause();
    const answer = make();
    let isAnswered = false;
    const answered = answer.then(
      () => {
        isAnswered = true;
      },
      () => {},
    );
    await Promise.race([answered, waits]);
    await this.parts.driver.idle();
    await new Promise(setImmediate);
    if (!isAnswered) await this.settle();
    const result = await answer;
    await this.settle();
    return result;
  }

  /** Does everything that is due. */
  async settle(): Promise<void> {
    const { sagas, reports, settlements, adjustments } = this.parts.works;
    const { signal } = new AbortController();
    for (let more = 1; more > 0; ) {
      more = await sagas();
      await this.parts.driver.idle();
      more += Number(await reports(signal));
      more += await settlements();
      more += await adjustments();
    }
  }
}

/** A call of the user of `accounts`; it fails when nothing that is due leads to its answer. */
export function callBy(...accounts: readonly string[]): CallContext {
  return {
    user: { subject: 'a-user', accounts, scopes: [] },
    signal: AbortSignal.timeout(5000),
    log,
    metadata: new Metadata(),
    remainingMs: () => 3000,
    end: () => {},
  };
}
