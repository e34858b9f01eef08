import { ExecutionService, OrderService, PortfolioService, RiskService } from '../gen/descriptors.ts';
import { call, connect, type ServiceDeclaration } from '../runtime/declaration.ts';

const owner = 'team-orders';

/** The life of an order as a saga: reserve, submit, settle. */
export const order: ServiceDeclaration = {
  name: 'order',
  namespace: 'trading',
  serviceAccount: 'order',
  kind: 'service',
  owner,
  contracts: [{ kind: 'grpc', port: 50051, services: [OrderService] }],
  scaling: 'stateless',
  database: { schema: 'trading_order' },
  calls: [
    call(RiskService.methods.reserve, { timeoutMs: 800, owner, reason: 'no order reaches the market unchecked' }),
    call(RiskService.methods.adjustReservation, {
      timeoutMs: 800,
      owner,
      reason: 'reservations follow fills and cancels',
    }),
    // The seed case of this product: order may call POST /trades on execution, and nobody else may.
    call(ExecutionService.methods.submitTrade, {
      timeoutMs: 1500,
      owner,
      reason: 'orders that risk has passed go to the market',
    }),
    call(ExecutionService.methods.cancelTrade, { timeoutMs: 1500, owner, reason: 'clients cancel what is left' }),
    call(ExecutionService.methods.streamExecutionReports, {
      timeoutMs: 600_000,
      owner,
      reason: 'fills drive settlement',
    }),
    call(PortfolioService.methods.settleTrade, { timeoutMs: 1000, owner, reason: 'every execution is settled once' }),
    connect('postgres', 5432, {
      timeoutMs: 3_600_000,
      owner,
      reason: 'orders, saga steps and the outbox are kept in the database',
    }),
  ],
};
