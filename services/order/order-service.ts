import { ExecutionServiceService } from '../gen/trading/execution/v1/execution.ts';
import { OrderServiceService } from '../gen/trading/order/v1/order.ts';
import { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import { RiskServiceService } from '../gen/trading/risk/v1/risk.ts';
import type { Build, Database, Logger } from '../runtime/index.ts';
import { AdjustmentLane } from './adjustment-lane.ts';
import type { Callees } from './callees.ts';
import type { Clock } from './clock.ts';
import { orderHandlers } from './handlers.ts';
import { deliverDue } from './outbox.ts';
import type { OrderPolicy } from './policy.ts';
import { ReportConsumer } from './report-consumer.ts';
import { ReportStore } from './report-store.ts';
import { SagaDriver } from './saga-driver.ts';
import { SettlementLane } from './settlement-lane.ts';
import { OrderStore } from './store.ts';
import { OrderWatch } from './watch.ts';
import { runWorker } from './workers.ts';

/** What the parts of the service are made from. */
export interface OrderServiceProps {
  readonly database: Database;
  readonly callees: Callees;
  readonly clock: Clock;
  readonly policy: OrderPolicy;
  readonly log: Logger;
}

/** The parts of one replica, wired. Nothing runs by itself yet: `build` gives each part its worker. */
export function wire({ database, callees, clock, policy, log }: OrderServiceProps) {
  const nowUs = () => clock.nowUs();
  const store = new OrderStore(database, { timing: policy, nowUs });
  const watch = new OrderWatch(store, clock);
  const driver = new SagaDriver({ store, callees, watch, clock, policy, log });
  const reports = new ReportStore(database, { timing: policy, holdMs: policy.holdMs, nowUs });
  const consumer = new ReportConsumer({ store: reports, execution: callees.execution, watch, clock, policy, log });
  const settlements = new SettlementLane({ database, callees, policy, log });
  const adjustments = new AdjustmentLane({ database, callees, policy, log });
  return {
    handlers: orderHandlers({ store, driver, watch, execution: callees.execution }),
    driver,
    works: {
      sagas: () => driver.recover(),
      reports: async (signal: AbortSignal) => (await consumer.consume(signal)).reports,
      settlements: () => deliverDue(settlements, log),
      adjustments: () => deliverDue(adjustments, log),
    },
  };
}

/** Builds the service with a clock and a policy; its workers end after the last call, so that open calls still get reports. */
export function buildOrderService(clock: Clock, policy: OrderPolicy): Build {
  return async ({ database, client, log, onStop }) => {
    const callees: Callees = {
      risk: client(RiskServiceService, 'risk'),
      execution: client(ExecutionServiceService, 'execution'),
      portfolio: client(PortfolioServiceService, 'portfolio'),
    };
    const { handlers, driver, works } = wire({ database, callees, clock, policy, log });
    const ending = new AbortController();
    const workers = Object.entries(works).map(([name, work]) =>
      runWorker({ name, work, clock, policy, log }, ending.signal),
    );
    onStop(async () => {
      ending.abort();
      await Promise.all([...workers, driver.idle()]);
    });
    return [[OrderServiceService, handlers]];
  };
}
