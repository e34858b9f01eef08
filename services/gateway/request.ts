/** What the edge accepts, as schemas: every member named, every type exact, int64 as decimal strings. */
import { z } from 'zod';
import { OrderType, Side, TimeInForce } from '../gen/trading/fix/v1/fix.ts';
import { RpcError, status } from '../runtime/index.ts';

const text = z.string({ error: typeProblem('text') });
const flag = z.boolean({ error: typeProblem('true or false') });
const maxInt64 = 2n ** 63n - 1n;

const int64 = text.transform((digits, context) => {
  const value = /^-?\d{1,19}$/.test(digits) ? BigInt(digits) : undefined;
  if (value !== undefined && value <= maxInt64 && value >= -maxInt64 - 1n) return value;
  context.addIssue({
    code: 'custom',
    message: `expected a 64-bit integer as decimal text, got \`${shorten(digits)}\``,
  });
  return z.NEVER;
});

const money = members({ currency: text, amountMinor: int64 });
const units = members({ symbol: text, quantity: int64 });

/** The body of `POST /orders`; without `account` the user's first one trades. */
export const placeOrderBody = members({
  account: text.optional(),
  clientOrderId: text,
  symbol: text,
  side: oneOf({ SIDE_BUY: Side.SIDE_BUY, SIDE_SELL: Side.SIDE_SELL }),
  orderType: oneOf({
    ORDER_TYPE_MARKET: OrderType.ORDER_TYPE_MARKET,
    ORDER_TYPE_LIMIT: OrderType.ORDER_TYPE_LIMIT,
  }),
  timeInForce: oneOf({
    TIME_IN_FORCE_DAY: TimeInForce.TIME_IN_FORCE_DAY,
    TIME_IN_FORCE_IMMEDIATE_OR_CANCEL: TimeInForce.TIME_IN_FORCE_IMMEDIATE_OR_CANCEL,
    TIME_IN_FORCE_FILL_OR_KILL: TimeInForce.TIME_IN_FORCE_FILL_OR_KILL,
  }),
  quantity: int64,
  priceTicks: int64.default(0n),
});

/** The query of the routes that read something of one account. */
export const accountQuery = members({ account: text.optional() });

/** The query of `DELETE /orders/{id}`; the request id may come in the header `Idempotency-Key` instead. */
export const cancelOrderQuery = members({ account: text.optional(), requestId: text.optional() });

/** A query without members. */
export const noQuery = members({});

/** The body of `POST /operations/kill-switch`; without `account` it is for everyone. */
export const killSwitchBody = members({
  requestId: text,
  account: text.min(1, 'expected a name, got nothing').default(''),
  engaged: flag,
  reason: text,
});

/** The body of `POST /operations/limits`. */
export const instrumentLimitsBody = members({
  requestId: text,
  symbol: text,
  referencePriceTicks: int64,
  collarBasisPoints: int64,
  maxQuantity: int64,
  maxNotionalTicks: int64,
  tickValue: money,
});

/** The body of `POST /operations/instruments`. */
export const instrumentBody = members({ requestId: text, symbol: text, tickValue: money });

/** The body of `POST /operations/halts`. */
export const tradingHaltBody = members({ requestId: text, symbol: text, halted: flag, reason: text });

/** The body of `POST /operations/deposits`: `cash` or `units`. */
export const depositBody = members({
  requestId: text,
  account: text,
  cash: money.optional(),
  units: units.optional(),
}).check(({ value, issues }) => {
  if ((value.cash === undefined) !== (value.units === undefined)) return;
  issues.push({ code: 'custom', message: 'expected exactly one of `cash`, `units`', input: value, path: [] });
});

/** The body of `POST /operations/trial-balance`, which may be left out. */
export const trialBalanceBody = members({}).optional();

/** Reads `value` (a parsed body or query). Errors: `RpcError` INVALID_ARGUMENT that lists every problem. */
export function readWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RpcError(status.INVALID_ARGUMENT, parsed.error.issues.flatMap(describe).join('; '));
}

function members<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, { error: typeProblem('an object') });
}

function oneOf<T>(values: Readonly<Record<string, T>>) {
  const names = Object.keys(values);
  const expected = `expected ${names.join(' or ')}`;
  return z
    .enum(names, { error: ({ input }) => `${expected}, got ${shown(input)}` })
    .transform((name) => values[name] as T);
}

function typeProblem(expected: string) {
  return (issue: { readonly code?: string; readonly input?: unknown }) =>
    issue.code === 'invalid_type' ? `expected ${expected}, got ${shown(issue.input)}` : undefined;
}

function describe(issue: z.core.$ZodIssue): readonly string[] {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${at === '' ? '' : `${at}.`}${shorten(key)}: unknown member`);
  }
  return [at === '' ? issue.message : `${at}: ${issue.message}`];
}

function shown(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (typeof input === 'string') return `\`${shorten(input)}\``;
  if (input === null || Array.isArray(input)) return input === null ? 'null' : 'a list';
  return typeof input === 'object' ? 'an object' : `${typeof input === 'number' ? 'the number' : 'the value'} ${input}`;
}

function shorten(given: string): string {
  return given.length > 40 ? `${given.slice(0, 40)}…` : given;
}
