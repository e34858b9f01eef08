import { setTimeout as pause } from 'node:timers/promises';
import { vi } from 'vitest';
import { gateway } from '#services/gateway/service.ts';
import type { OrderTerms } from '#services/gen/trading/fix/v1/fix.ts';
import { type Order, OrderServiceService } from '#services/gen/trading/order/v1/order.ts';
import type { Clock } from '#services/order/clock.ts';
import { buildOrderService } from '#services/order/order-service.ts';
import { type OrderPolicy, orderPolicy } from '#services/order/policy.ts';
import { order } from '#services/order/service.ts';
import { tryParseAddress } from '#services/runtime/address.ts';
import { createClient, Upstream } from '#services/runtime/grpc-client.ts';
import { type PromiseClient, startService } from '#services/runtime/index.ts';
import { passThroughTracing } from '#services/runtime/tracing.ts';
import { asUser } from '../../../support/bare-grpc.ts';
import type { World } from './world.ts';

const clock: Clock = {
  nowUs: () => BigInt(Date.now()) * 1000n,
  pause: (ms, signal) => pause(ms, undefined, { signal }).catch(() => {}),
};

/** The policy of the platform with everything sooner, so that a test sees retries and takeovers. */
export const quickPolicy: OrderPolicy = {
  ...orderPolicy,
  leaseMs: 2500,
  holdMs: 600,
  confirmMs: 0,
  inFlightMs: 0,
  idleMs: 20,
  firstRetryMs: 10,
  greatestRetryMs: 100,
};

/** One replica of the order service, on loopback. */
export interface RunningOrder {
  readonly client: PromiseClient<typeof OrderServiceService>;
  /** Places an order as the owner of its account. */
  place(terms: OrderTerms, timeoutMs?: number): Promise<Order>;
  get(terms: OrderTerms): Promise<Order>;
  stop(): Promise<void>;
}

/** Starts the service as its `main.ts` does, in this process. */
export async function startOrder(world: Pick<World, 'environment'>, policy = quickPolicy): Promise<RunningOrder> {
  const service = await startService(order, await world.environment(), buildOrderService(clock, policy), {
    logTo: process.stderr,
  });
  const address = tryParseAddress(service.address);
  if (address === undefined) throw new Error('the service has no address');
  const upstream = new Upstream(address);
  const environment = { calls: gateway.calls, tracing: passThroughTracing };
  const client = createClient(OrderServiceService, upstream, environment);
  return {
    client,
    place: async (terms, timeoutMs) => {
      const response = await client.placeOrder({ terms }, { metadata: asUser('owner', [terms.account]), timeoutMs });
      return present(response.order);
    },
    get: async ({ account, clientOrderId }) => {
      const response = await client.getOrder({ account, clientOrderId }, { metadata: asUser('owner', [account]) });
      return present(response.order);
    },
    stop: async () => {
      upstream.close();
      await service.stop();
    },
  };
}

/** Waits until `check` throws no more. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000, interval: 10 });
}

let last = 0;

/** A name that no other test of this file uses. Shape: `A-12`. */
export function fresh(what: string): string {
  last += 1;
  return `${what}-${last}`;
}

function present(order: Order | undefined): Order {
  if (order === undefined) throw new Error('the answer holds no order');
  return order;
}
