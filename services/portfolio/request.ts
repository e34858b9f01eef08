import type { Money } from '../gen/trading/fix/v1/fix.ts';
import type {
  DepositRequest,
  GetLimitsBasisRequest,
  SettleTradeRequest,
} from '../gen/trading/portfolio/v1/portfolio.ts';
import { type Asset, considerationOf, type Deposit, maxAmount, type Trade } from './ledger.ts';

/** A request read into the domain, or every reason why it cannot be. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly string[] };

const account = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const symbol = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const currency = /^[A-Z]{3}$/;
const reference = /^[!-~]{1,128}$/;

/** Reads a settlement. Errors: malformed names, amounts that are not positive, a consideration beyond 64 bits. */
export function readTrade(request: SettleTradeRequest): Reading<Trade> {
  const trade: Trade = {
    executionId: request.executionId,
    symbol: request.symbol,
    buyer: request.buyerAccount,
    seller: request.sellerAccount,
    quantity: request.quantity,
    priceTicks: request.priceTicks,
    tickValue: request.tickValue ?? { currency: '', amountMinor: 0n },
  };
  const problems = [
    ...matches('execution_id', trade.executionId, reference),
    ...matches('symbol', trade.symbol, symbol),
    ...matches('buyer_account', trade.buyer, account),
    ...matches('seller_account', trade.seller, account),
    ...isPositive('quantity', trade.quantity),
    ...isPositive('price_ticks', trade.priceTicks),
    ...readsMoney('tick_value', trade.tickValue),
    ...(considerationOf(trade) > maxAmount ? ['consideration: expected at most 9223372036854775807 minor units'] : []),
  ];
  return problems.length === 0 ? { ok: true, value: trade } : { ok: false, problems };
}

/** Reads a deposit. Errors: malformed names, not exactly one asset, an amount that is not positive. */
export function readDeposit(request: DepositRequest): Reading<Deposit> {
  const { cash, units } = request;
  const problems = [
    ...matches('request_id', request.requestId, reference),
    ...matches('account', request.account, account),
    ...((cash === undefined) === (units === undefined) ? ['asset: expected exactly one of `cash`, `units`'] : []),
    ...(cash === undefined ? [] : readsMoney('cash', cash)),
    ...(units === undefined ? [] : matches('units.symbol', units.symbol, symbol)),
    ...(units === undefined ? [] : isPositive('units.quantity', units.quantity)),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const asset: Asset =
    units === undefined ? { kind: 'cash', name: cash?.currency ?? '' } : { kind: 'units', name: units.symbol };
  const amount = units?.quantity ?? cash?.amountMinor ?? 0n;
  return { ok: true, value: { requestId: request.requestId, account: request.account, asset, amount } };
}

/** Reads which account, currency and symbol a limits basis is asked for. Errors: malformed names. */
export function readBasisQuery(request: GetLimitsBasisRequest): Reading<GetLimitsBasisRequest> {
  const problems = [
    ...matches('account', request.account, account),
    ...matches('currency', request.currency, currency),
    ...matches('symbol', request.symbol, symbol),
  ];
  return problems.length === 0 ? { ok: true, value: request } : { ok: false, problems };
}

function readsMoney(field: string, money: Money): readonly string[] {
  return [
    ...matches(`${field}.currency`, money.currency, currency),
    ...isPositive(`${field}.amount_minor`, money.amountMinor),
  ];
}

function matches(field: string, text: string, pattern: RegExp): readonly string[] {
  return pattern.test(text) ? [] : [`${field}: expected ${pattern.source}, got \`${text.slice(0, 80)}\``];
}

function isPositive(field: string, amount: bigint): readonly string[] {
  return amount > 0n ? [] : [`${field}: expected at least 1, got ${amount}`];
}
