import type { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import { type Handlers, RpcError, requireUser, status } from '../runtime/index.ts';
import { type Posting, postDeposit, postTrade } from './ledger.ts';
import { type Reading, readBasisQuery, readDeposit, readTrade } from './request.ts';
import type { Balance, LedgerStore } from './store.ts';

/** The gRPC face of the ledger. */
export function portfolioHandlers(store: LedgerStore): Handlers<typeof PortfolioServiceService> {
  return {
    settleTrade: async (request) => ({ postingId: await book(store, postTrade(required(readTrade(request)))) }),
    deposit: async (request) => ({ postingId: await book(store, postDeposit(required(readDeposit(request)))) }),
    getPositions: async ({ account }, call) => {
      if (account === '') throw new RpcError(status.INVALID_ARGUMENT, 'account: expected a name, got nothing');
      // An account of somebody else and one that does not exist answer alike.
      if (!requireUser(call).accounts.includes(account)) throw new RpcError(status.NOT_FOUND, 'no such account');
      return positionsOf(await store.balancesOf(account));
    },
    getLimitsBasis: async (request) => {
      const { account, currency, symbol } = required(readBasisQuery(request));
      const [cashMinor = 0n, positionQuantity = 0n] = await store.balancesIn(account, [
        { kind: 'cash', name: currency },
        { kind: 'units', name: symbol },
      ]);
      return { cashMinor, positionQuantity };
    },
    getTrialBalance: async () => {
      const { sums, postings } = await store.trialBalance();
      return { balances: sums.map(({ asset, sum, entries }) => ({ asset: asset.name, sum, entries })), postings };
    },
  };
}

async function book(store: LedgerStore, posting: Posting): Promise<bigint> {
  const booking = await store.book(posting);
  switch (booking.kind) {
    case 'booked':
      return booking.postingId;
    case 'otherTerms':
      throw new RpcError(status.ALREADY_EXISTS, `${posting.kind} \`${posting.reference}\` is booked with other terms`);
    case 'beyondRange':
      throw new RpcError(status.INVALID_ARGUMENT, 'amount: a balance would leave the range of 64 bits');
    default:
      return booking satisfies never;
  }
}

function positionsOf(balances: readonly Balance[]) {
  const cash = balances.filter(({ asset }) => asset.kind === 'cash');
  const units = balances.filter(({ asset, amount }) => asset.kind === 'units' && amount !== 0n);
  return {
    cash: cash.map(({ asset, amount }) => ({ currency: asset.name, amountMinor: amount })),
    positions: units.map(({ asset, amount }) => ({ symbol: asset.name, quantity: amount })),
  };
}

function required<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  throw new RpcError(status.INVALID_ARGUMENT, reading.problems.join('; '));
}
