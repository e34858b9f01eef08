import { ExecutionService, PortfolioService, RiskService } from '../gen/descriptors.ts';
import { DefineInstrumentResponse, SetTradingHaltResponse } from '../gen/trading/execution/v1/execution.ts';
import { DepositResponse, GetTrialBalanceResponse } from '../gen/trading/portfolio/v1/portfolio.ts';
import { SetInstrumentLimitsResponse, SetKillSwitchResponse } from '../gen/trading/risk/v1/risk.ts';
import type { HttpRoute } from '../runtime/index.ts';
import {
  depositBody,
  instrumentBody,
  instrumentLimitsBody,
  killSwitchBody,
  readWith,
  tradingHaltBody,
  trialBalanceBody,
} from './request.ts';
import { json, onBehalfOf, type Upstreams } from './upstreams.ts';

/**
 * The handlers of what operators do, by the path of the gRPC method that each fronts. Who is an operator the mesh says, by
 * the scope of the token, here and at the callee; these handlers do not ask.
 */
export function operatorHandlers({
  risk,
  execution,
  portfolio,
}: Upstreams): Readonly<Record<string, HttpRoute['handle']>> {
  return {
    [RiskService.methods.setKillSwitch.path]: async ({ body }, call) =>
      json(SetKillSwitchResponse.toJSON(await risk.setKillSwitch(readWith(killSwitchBody, body), onBehalfOf(call)))),
    [RiskService.methods.setInstrumentLimits.path]: async ({ body }, call) => {
      const limits = readWith(instrumentLimitsBody, body);
      return json(SetInstrumentLimitsResponse.toJSON(await risk.setInstrumentLimits(limits, onBehalfOf(call))));
    },
    [ExecutionService.methods.defineInstrument.path]: async ({ body }, call) => {
      const instrument = readWith(instrumentBody, body);
      return json(DefineInstrumentResponse.toJSON(await execution.defineInstrument(instrument, onBehalfOf(call))));
    },
    [ExecutionService.methods.setTradingHalt.path]: async ({ body }, call) => {
      const halt = readWith(tradingHaltBody, body);
      return json(SetTradingHaltResponse.toJSON(await execution.setTradingHalt(halt, onBehalfOf(call))));
    },
    [PortfolioService.methods.deposit.path]: async ({ body }, call) => {
      const deposit = readWith(depositBody, body);
      return json(DepositResponse.toJSON(await portfolio.deposit(deposit, onBehalfOf(call))));
    },
    [PortfolioService.methods.getTrialBalance.path]: async ({ body }, call) => {
      readWith(trialBalanceBody, body);
      return json(GetTrialBalanceResponse.toJSON(await portfolio.getTrialBalance({}, onBehalfOf(call))));
    },
  };
}
