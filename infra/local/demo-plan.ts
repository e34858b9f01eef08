/**
 * What the demo session does, as a seeded plan: accounts with their owners and deposits, instruments, and a stream of
 * orders with cancels, duplicates and orders that risk must refuse. Pure data, so that a run can be repeated exactly.
 */

/** A client with one account of its own. */
export interface Trader {
  readonly subject: string;
  readonly account: string;
}

/** A listed instrument. One tick of one unit is worth `tickValueMinor` cents. */
export interface Instrument {
  readonly symbol: string;
  readonly referencePriceTicks: number;
  readonly tickValueMinor: number;
}

/** One order as the plan wants it sent. */
export interface PlannedOrder {
  readonly trader: Trader;
  readonly clientOrderId: string;
  readonly instrument: Instrument;
  readonly side: 'SIDE_BUY' | 'SIDE_SELL';
  readonly orderType: 'ORDER_TYPE_LIMIT' | 'ORDER_TYPE_MARKET';
  readonly timeInForce: 'TIME_IN_FORCE_DAY' | 'TIME_IN_FORCE_IMMEDIATE_OR_CANCEL' | 'TIME_IN_FORCE_FILL_OR_KILL';
  readonly quantity: number;
  readonly priceTicks: number;
  /** What happens around the order: `duplicate` sends it twice, `cancel` cancels it, `refused` must be refused by risk. */
  readonly twist: 'none' | 'duplicate' | 'cancel' | 'refused';
}

/** Cash that each trader starts with, in cents. */
export const openingCashMinor = 50_000_000;
/** Units of every instrument that each trader starts with. */
export const openingUnits = 20_000;

/** The traders of the session. */
export const traders: readonly Trader[] = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'].map((subject) => ({
  subject,
  account: `ACC-${subject.toUpperCase()}`,
}));

/** The instruments of the session. */
export const instruments: readonly Instrument[] = [
  { symbol: 'ACME', referencePriceTicks: 1_000, tickValueMinor: 1 },
  { symbol: 'GLOBEX', referencePriceTicks: 2_500, tickValueMinor: 1 },
  { symbol: 'INITECH', referencePriceTicks: 400, tickValueMinor: 5 },
];

/** A small seeded generator of uniform numbers in [0, 1): mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = <T>(random: () => number, items: readonly T[]): T => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('cannot pick from an empty list');
  return item;
};

function shapeOf(dice: number): Pick<PlannedOrder, 'orderType' | 'timeInForce'> {
  if (dice < 0.04) return { orderType: 'ORDER_TYPE_MARKET', timeInForce: 'TIME_IN_FORCE_IMMEDIATE_OR_CANCEL' };
  if (dice < 0.1) return { orderType: 'ORDER_TYPE_LIMIT', timeInForce: 'TIME_IN_FORCE_IMMEDIATE_OR_CANCEL' };
  if (dice < 0.13) return { orderType: 'ORDER_TYPE_LIMIT', timeInForce: 'TIME_IN_FORCE_FILL_OR_KILL' };
  return { orderType: 'ORDER_TYPE_LIMIT', timeInForce: 'TIME_IN_FORCE_DAY' };
}

function twistOf(dice: number): PlannedOrder['twist'] {
  if (dice < 0.04) return 'duplicate';
  if (dice < 0.16) return 'cancel';
  if (dice < 0.19) return 'refused';
  return 'none';
}

/** `count` orders, the same for the same seed. Prices stray by up to 5 ticks, so that most orders trade sooner or later. */
export function planOrders(count: number, seed: number): readonly PlannedOrder[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const instrument = pick(random, instruments);
    const twist = twistOf(random());
    const stray = Math.floor(random() * 11) - 5;
    const shape = twist === 'refused' ? shapeOf(1) : shapeOf(random());
    return {
      trader: traders[index % traders.length] ?? pick(random, traders),
      clientOrderId: `demo-${seed}-${index}`,
      instrument,
      side: random() < 0.5 ? 'SIDE_BUY' : 'SIDE_SELL',
      ...shape,
      quantity: 1 + Math.floor(random() * 20),
      priceTicks:
        shape.orderType === 'ORDER_TYPE_MARKET'
          ? 0
          : instrument.referencePriceTicks * (twist === 'refused' ? 3 : 1) + stray,
      twist,
    };
  });
}
