import { OrderRejectReason } from '../gen/trading/fix/v1/fix.ts';
import type { PortfolioServiceService } from '../gen/trading/portfolio/v1/portfolio.ts';
import type { ReserveResponse, RiskServiceService } from '../gen/trading/risk/v1/risk.ts';
import { type CallContext, type Handlers, type PromiseClient, RpcError, status } from '../runtime/index.ts';
import { AccountTurns } from './account-turns.ts';
import type { Order, Refusal } from './checks.ts';
import type { Basis, Survey } from './circumstances.ts';
import type { ActionOutcome, OperationStore } from './operations.ts';
import { type Reading, readAdjustment, readKillOrder, readLimits, readOrder } from './request.ts';
import type { Answer, ReservationStore } from './store.ts';

/** What the handlers work with. */
export interface RiskParts {
  readonly reservations: ReservationStore;
  readonly operations: OperationStore;
  readonly portfolio: Pick<PromiseClient<typeof PortfolioServiceService>, 'getLimitsBasis'>;
}

/** Transactions on accounts at a time: fewer than the runtime's pool has connections, so that operators never wait behind orders. */
const places = 6;

/** The gRPC face of risk. Whatever cannot be read ends in UNAVAILABLE, never in a pass. */
export function riskHandlers({ reservations, operations, portfolio }: RiskParts): Handlers<typeof RiskServiceService> {
  const turns = new AccountTurns(places);
  return {
    reserve: async ({ terms }, call) => {
      const order = required(readOrder(terms));
      // The order of the reads closes a race: see `readSituation`.
      const survey = await reservations.survey(order);
      const basis = await basisOf(order, survey, { portfolio, call });
      return responseOf(await turns.take(order.account, call.signal, () => reservations.reserve(order, basis)));
    },
    adjustReservation: async (request) => {
      const outcome = await reservations.adjust(required(readAdjustment(request)));
      if (outcome === 'unknown') throw new RpcError(status.NOT_FOUND, 'no such reservation');
      if (outcome === 'excessive') {
        throw new RpcError(status.INVALID_ARGUMENT, 'leaves_quantity: expected at most the quantity of the order');
      }
      return {};
    },
    setKillSwitch: async (request, call) =>
      done(await operations.setKillSwitch(required(readKillOrder(request)), call.user?.subject)),
    setInstrumentLimits: async (request, call) =>
      done(await operations.setLimits(required(readLimits(request)), call.user?.subject)),
  };
}

const rejectReasons: Readonly<Record<Refusal, OrderRejectReason>> = {
  unknownSymbol: OrderRejectReason.ORDER_REJECT_REASON_UNKNOWN_SYMBOL,
  priceCollar: OrderRejectReason.ORDER_REJECT_REASON_PRICE_COLLAR,
  maxQuantity: OrderRejectReason.ORDER_REJECT_REASON_MAX_QUANTITY,
  maxNotional: OrderRejectReason.ORDER_REJECT_REASON_MAX_NOTIONAL,
  credit: OrderRejectReason.ORDER_REJECT_REASON_CREDIT,
  orderRate: OrderRejectReason.ORDER_REJECT_REASON_ORDER_RATE,
  duplicate: OrderRejectReason.ORDER_REJECT_REASON_DUPLICATE,
  killSwitch: OrderRejectReason.ORDER_REJECT_REASON_KILL_SWITCH,
};

interface LedgerAccess extends Pick<RiskParts, 'portfolio'> {
  readonly call: CallContext;
}

// An unreadable ledger is not an error yet: checks that need no credit still give their refusal.
async function basisOf(order: Order, survey: Survey, { portfolio, call }: LedgerAccess): Promise<Basis> {
  if (survey.kind === 'unlisted') return { kind: 'unreadable', cause: new Error('the instrument was not listed') };
  const { account, symbol } = order;
  const { asset, currency, releasedBefore } = survey;
  try {
    const basis = await portfolio.getLimitsBasis({ account, currency, symbol }, { parent: call });
    const amount = asset.kind === 'cash' ? basis.cashMinor : basis.positionQuantity;
    return { kind: 'settled', asset, amount, releasedBefore };
  } catch (cause) {
    return { kind: 'unreadable', cause };
  }
}

function responseOf(answer: Answer): ReserveResponse {
  switch (answer.kind) {
    case 'passed':
      return {
        rejectReason: OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED,
        expiresAtUnixUs: answer.expiresAtUnixUs,
      };
    case 'refused':
      return { rejectReason: rejectReasons[answer.refusal], expiresAtUnixUs: 0n };
    case 'undecided':
      throw new RpcError(status.UNAVAILABLE, 'credit cannot be judged now', { cause: answer.cause });
    case 'otherTerms':
      throw new RpcError(status.INVALID_ARGUMENT, 'client_order_id: reserved with other terms');
    default:
      return answer satisfies never;
  }
}

function done(outcome: ActionOutcome): Record<string, never> {
  if (outcome === 'otherTerms') throw new RpcError(status.INVALID_ARGUMENT, 'request_id: used with other terms');
  return {};
}

function required<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  throw new RpcError(status.INVALID_ARGUMENT, reading.problems.join('; '));
}
