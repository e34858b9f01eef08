import { status } from '@grpc/grpc-js';
import { PortfolioServiceService, type SettleTradeRequest } from '#services/gen/trading/portfolio/v1/portfolio.ts';
import { fake } from '../../../support/bare-grpc.ts';
import type { Fault } from './fake-market.ts';

/** The ledger over its contract: books an execution once. */
export class FakeLedger {
  readonly bookings = new Map<string, SettleTradeRequest>();
  /** Every delivery, repetitions included. */
  readonly deliveries: string[] = [];
  /** The traces of all deliveries. */
  readonly traces: string[] = [];
  beforeSettle: (request: SettleTradeRequest) => void | Promise<void> = () => {};
  afterSettle: Fault = () => {};

  /** The service that a server serves. */
  readonly part = fake(PortfolioServiceService, {
    settleTrade: async (request, metadata) => {
      await this.beforeSettle(request);
      this.traces.push(String(metadata.get('traceparent')[0]));
      this.deliveries.push(request.executionId);
      const booked = this.bookings.get(request.executionId);
      if (booked !== undefined && !same(booked, request)) throw { code: status.ALREADY_EXISTS, details: 'other terms' };
      this.bookings.set(request.executionId, request);
      await this.afterSettle();
      return { postingId: BigInt([...this.bookings.keys()].indexOf(request.executionId) + 1) };
    },
  });
}

function same(one: SettleTradeRequest, other: SettleTradeRequest): boolean {
  const bytes = PortfolioServiceService.settleTrade.requestSerialize;
  return bytes(one).equals(bytes(other));
}
