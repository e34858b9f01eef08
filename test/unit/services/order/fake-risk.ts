import { status } from '@grpc/grpc-js';
import { OrderRejectReason } from '#services/gen/trading/fix/v1/fix.ts';
import {
  type AdjustReservationRequest,
  type ReserveResponse,
  RiskServiceService,
} from '#services/gen/trading/risk/v1/risk.ts';
import { fake } from '../../../support/bare-grpc.ts';
import type { Fault } from './fake-market.ts';

/** What is set aside for one order. `sequence` is -1 before the first adjustment. */
export interface FakeReservation {
  readonly leavesQuantity: bigint;
  readonly sequence: bigint;
}

const keyOf = ({ account, clientOrderId }: { account: string; clientOrderId: string }) => `${account} ${clientOrderId}`;

/** Risk over its contract: refuses the symbol `RISKY`, and answers a key as it did before. */
export class FakeRisk {
  readonly reservations = new Map<string, FakeReservation>();
  beforeReserve: Fault = () => {};
  afterReserve: Fault = () => {};
  beforeAdjust: (request: AdjustReservationRequest) => void | Promise<void> = () => {};
  /** When new reservations lapse: microseconds since the epoch. */
  reservedUntilUs = 2n ** 62n;
  /** When true, a key that was answered is judged anew and refused for credit, as after a lapse. */
  refusesRenewals = false;
  adjustments = 0;
  readonly #answers = new Map<string, ReserveResponse>();

  /** The service that a server serves. */
  readonly part = fake(RiskServiceService, {
    reserve: async ({ terms }) => {
      await this.beforeReserve();
      if (terms === undefined) throw { code: status.INVALID_ARGUMENT, details: 'no terms' };
      const key = keyOf(terms);
      const answer = this.#judge(key, terms.symbol);
      this.#answers.set(key, answer);
      if (answer.rejectReason === OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED && !this.reservations.has(key)) {
        this.reservations.set(key, { leavesQuantity: terms.quantity, sequence: -1n });
      }
      await this.afterReserve();
      return answer;
    },
    adjustReservation: async (request) => {
      this.adjustments += 1;
      await this.beforeAdjust(request);
      const { sequence, leavesQuantity } = request;
      const held = this.reservations.get(keyOf(request));
      if (held === undefined) throw { code: status.NOT_FOUND, details: 'no such reservation' };
      if (sequence > held.sequence) this.reservations.set(keyOf(request), { leavesQuantity, sequence });
      return {};
    },
  });

  #judge(key: string, symbol: string): ReserveResponse {
    const known = this.#answers.get(key);
    const refusal = (rejectReason: OrderRejectReason) => ({ rejectReason, expiresAtUnixUs: 0n });
    if (known !== undefined && this.refusesRenewals) return refusal(OrderRejectReason.ORDER_REJECT_REASON_CREDIT);
    if (symbol === 'RISKY') return refusal(OrderRejectReason.ORDER_REJECT_REASON_MAX_NOTIONAL);
    const rejectReason = OrderRejectReason.ORDER_REJECT_REASON_UNSPECIFIED;
    return { rejectReason, expiresAtUnixUs: this.reservedUntilUs };
  }
}
