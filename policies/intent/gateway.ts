import {
  ExecutionService,
  MarketDataService,
  OrderService,
  PortfolioService,
  RiskService,
} from '../../services/gen/descriptors.ts';
import { routeOf } from '../../services/runtime/declaration.ts';
import { admissionsOf, admitRoute } from './admission.ts';

const from = ['ingress'];

/** Whom `gateway` lets in: users, through the ingress gateway, each route with its scope. */
export const gatewayAdmissions = admissionsOf('gateway', [
  admitRoute(routeOf(OrderService.methods.placeOrder), { from, userScope: ['orders.write'] }),
  admitRoute(routeOf(OrderService.methods.cancelOrder), { from, userScope: ['orders.write'] }),
  admitRoute(routeOf(OrderService.methods.getOrder), { from, userScope: ['orders.read'] }),
  admitRoute(routeOf(PortfolioService.methods.getPositions), { from, userScope: ['positions.read'] }),
  admitRoute(routeOf(MarketDataService.methods.getQuote), { from, userScope: ['quotes.read'] }),
  admitRoute(routeOf(MarketDataService.methods.streamQuotes), { from, userScope: ['quotes.read'] }),
  admitRoute(routeOf(RiskService.methods.setKillSwitch), { from, userScope: ['operations.risk'] }),
  admitRoute(routeOf(RiskService.methods.setInstrumentLimits), { from, userScope: ['operations.risk'] }),
  admitRoute(routeOf(ExecutionService.methods.defineInstrument), { from, userScope: ['operations.market'] }),
  admitRoute(routeOf(ExecutionService.methods.setTradingHalt), { from, userScope: ['operations.market'] }),
  admitRoute(routeOf(PortfolioService.methods.deposit), { from, userScope: ['operations.ledger'] }),
  admitRoute(routeOf(PortfolioService.methods.getTrialBalance), { from, userScope: ['operations.ledger'] }),
]);
