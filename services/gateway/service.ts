import {
  ExecutionService,
  MarketDataService,
  OrderService,
  PortfolioService,
  RiskService,
} from '../gen/descriptors.ts';
import { call, type Route, routeOf, type ServiceDeclaration } from '../runtime/declaration.ts';

const owner = 'team-edge';

/** Every route that clients and operators may use, each fronting one gRPC method. */
export const gatewayRoutes: readonly Route[] = [
  routeOf(OrderService.methods.placeOrder),
  routeOf(OrderService.methods.getOrder),
  routeOf(OrderService.methods.cancelOrder),
  routeOf(PortfolioService.methods.getPositions),
  routeOf(MarketDataService.methods.getQuote),
  routeOf(MarketDataService.methods.streamQuotes),
  routeOf(RiskService.methods.setKillSwitch),
  routeOf(RiskService.methods.setInstrumentLimits),
  routeOf(ExecutionService.methods.defineInstrument),
  routeOf(ExecutionService.methods.setTradingHalt),
  routeOf(PortfolioService.methods.deposit),
  routeOf(PortfolioService.methods.getTrialBalance),
];

/** The HTTP/JSON edge: it forwards the user's token and calls what the user or the operator asks for. */
export const gateway: ServiceDeclaration = {
  name: 'gateway',
  namespace: 'edge',
  serviceAccount: 'gateway',
  kind: 'service',
  owner,
  contracts: [{ kind: 'http', port: 8080, routes: gatewayRoutes }],
  scaling: 'stateless',
  calls: [
    call(OrderService.methods.placeOrder, { timeoutMs: 3000, owner, reason: 'clients place orders' }),
    call(OrderService.methods.cancelOrder, { timeoutMs: 3000, owner, reason: 'clients cancel orders' }),
    call(OrderService.methods.getOrder, { timeoutMs: 1000, owner, reason: 'clients read their orders' }),
    call(PortfolioService.methods.getPositions, { timeoutMs: 1000, owner, reason: 'clients read cash and positions' }),
    call(MarketDataService.methods.getQuote, { timeoutMs: 500, owner, reason: 'clients read quotes' }),
    call(MarketDataService.methods.streamQuotes, { timeoutMs: 600_000, owner, reason: 'clients follow quotes' }),
    call(RiskService.methods.setKillSwitch, { timeoutMs: 800, owner, reason: 'operators stop trading' }),
    call(RiskService.methods.setInstrumentLimits, { timeoutMs: 800, owner, reason: 'operators set limits' }),
    call(ExecutionService.methods.defineInstrument, { timeoutMs: 1000, owner, reason: 'operators list instruments' }),
    call(ExecutionService.methods.setTradingHalt, { timeoutMs: 1000, owner, reason: 'operators halt instruments' }),
    call(PortfolioService.methods.deposit, { timeoutMs: 1000, owner, reason: 'operators fund accounts' }),
    call(PortfolioService.methods.getTrialBalance, { timeoutMs: 1000, owner, reason: 'operators audit the ledger' }),
  ],
};
