/** A book that is right because it is simple: one list, searched from end to end for every single trade. */

/** An order as the test makes it up; `limit` undefined is a market order. */
export interface PlainOrder {
  readonly id: string;
  readonly account: string;
  readonly side: 'buy' | 'sell';
  readonly limit: number | undefined;
  readonly life: 'day' | 'immediateOrCancel' | 'fillOrKill';
  readonly quantity: number;
}

/** What happened, one line an event. Shape: `trade b1 s2 5@100`, `accept b1`, `cancel b1 3`, `reject b1`, `expire b1 2`. */
export type Line = string;

interface Waiting extends PlainOrder {
  readonly since: number;
  left: number;
}

/** The slow book. */
export class BruteForceBook {
  waiting: Waiting[] = [];
  #clock = 0;

  submit(order: PlainOrder): Line[] {
    const others = () => this.waiting.filter(({ side }) => side !== order.side);
    if (order.limit === undefined && others().length === 0) return [`reject ${order.id}`];
    const before = this.waiting.map((each) => ({ ...each }));
    const lines = [`accept ${order.id}`];
    let left = order.quantity;
    let metOwn = false;
    while (left > 0 && !metOwn) {
      const next = others()
        .filter(({ limit }) => reaches(order, limit ?? Number.NaN))
        .toSorted((a, b) => comparePrice(order.side, a.limit, b.limit) || a.since - b.since)[0];
      if (next === undefined) break;
      metOwn = next.account === order.account;
      if (metOwn) break;
      const traded = Math.min(left, next.left);
      left -= traded;
      next.left -= traded;
      lines.push(`trade ${order.id} ${next.id} ${traded}@${next.limit}`);
      this.waiting = this.waiting.filter((each) => each.left > 0);
    }
    if (left > 0 && order.life === 'fillOrKill') {
      this.waiting = before;
      return [`accept ${order.id}`, `cancel ${order.id} ${order.quantity}`];
    }
    const waits = order.limit !== undefined && order.life === 'day' && !metOwn;
    if (left > 0 && waits) this.waiting.push({ ...order, left, since: this.#clock });
    if (left > 0 && !waits) lines.push(`cancel ${order.id} ${left}`);
    this.#clock += 1;
    return lines;
  }

  cancel(id: string): Line[] {
    const gone = this.waiting.filter((each) => each.id === id);
    this.waiting = this.waiting.filter((each) => each.id !== id);
    return gone.map((each) => `cancel ${id} ${each.left}`);
  }

  expireDay(): Line[] {
    const gone = this.waiting.toSorted((a, b) => a.since - b.since);
    this.waiting = [];
    return gone.map((each) => `expire ${each.id} ${each.left}`);
  }
}

function reaches(order: PlainOrder, price: number): boolean {
  if (order.limit === undefined) return true;
  return order.side === 'buy' ? price <= order.limit : price >= order.limit;
}

function comparePrice(taker: 'buy' | 'sell', a = 0, b = 0): number {
  return taker === 'buy' ? a - b : b - a;
}
