/** istiod's validation of single values and of condition keys. Source: istio `pkg/config/security`. */
import { isCidr, isIpAddress } from './address.ts';
import type { Cursor } from './parse-cursor.ts';
import { type Problem, quote } from './problem.ts';
import { tryFindNearest } from './spelling.ts';
import { fault } from './webhook-fault.ts';

/** True of every text but the empty one. */
export const isFilled = (text: string): boolean => text !== '';

/** True of an address or a range of addresses. */
export const isAddress = (text: string): boolean => (text.includes('/') ? isCidr(text) : isIpAddress(text));

/** True of a port number. */
export const isPort = (text: string): boolean => /^\d{1,10}$/.test(text) && Number(text) <= 65_535;

/** True of `account` and `namespace/account`, spelt out. */
export function isAccount(text: string): boolean {
  const parts = text.split('/');
  return !text.includes('*') && parts.length <= 2 && !parts.includes('');
}

/** Values that are empty strings. */
export function emptyFaults(values: readonly Cursor[]): readonly Problem[] {
  return values
    .filter((value) => !isFilled(value.text()))
    .map((value) => fault('empty-value', 'expected a value, got an empty string', value, 'use `*` for any value'));
}

/** Values that are neither an address nor a range of addresses. */
export function addressFaults(values: readonly Cursor[]): readonly Problem[] {
  return values
    .filter((value) => !isAddress(value.text()))
    .map((value) => {
      const message = `expected an IP address or CIDR range, got ${quote(value.text())}`;
      return fault('address', message, value, 'such as `10.0.0.0/8`');
    });
}

/** Values that are no port number. */
export function portFaults(values: readonly Cursor[]): readonly Problem[] {
  return values
    .filter((value) => !isPort(value.text()))
    .map((value) => fault('port', `expected a port between 0 and 65535, got ${quote(value.text())}`, value));
}

/** Values that are not `account` or `namespace/account`, spelt out. */
export function accountFaults(values: readonly Cursor[]): readonly Problem[] {
  return values
    .filter((value) => !isAccount(value.text()))
    .map((value) => {
      const message = `expected \`account\` or \`namespace/account\`, got ${quote(value.text())}`;
      return value.text().includes('*')
        ? fault('service-account', `${message}: wildcards are not allowed`, value, 'use principals')
        : fault('service-account', message, value);
    });
}

type Check = (values: readonly Cursor[]) => readonly Problem[];

const CHECKS: Readonly<Record<string, Check>> = {
  'source.ip': addressFaults,
  'remote.ip': addressFaults,
  'source.namespace': emptyFaults,
  'source.serviceAccount': accountFaults,
  'source.principal': emptyFaults,
  'source.trustDomain': emptyFaults,
  'request.auth.principal': emptyFaults,
  'request.auth.audiences': emptyFaults,
  'request.auth.presenter': emptyFaults,
  'destination.ip': addressFaults,
  'destination.port': portFaults,
  'connection.sni': emptyFaults,
};

const MAP_KEYS: readonly string[] = [
  'request.headers',
  'request.experimental.inline.headers',
  'request.auth.claims',
  'experimental.envoy.filters.',
];

const REMOVED: readonly (readonly [key: RegExp, help: string])[] = [
  [/^destination\.(name|user)$/, 'select the workload with `selector`'],
  [/^destination\.namespace$/, 'put the policy into that namespace'],
  [/^destination\.labels/, 'select the workload with `selector`'],
];

/** The faults of a condition: a key that does not exist, or values that its key does not take. */
export function attributeFaults(key: Cursor, values: readonly Cursor[]): readonly Problem[] {
  const text = key.text();
  const check = Object.hasOwn(CHECKS, text) ? CHECKS[text] : undefined;
  if (check !== undefined) return check(values);
  if (MAP_KEYS.some((prefix) => text.startsWith(prefix))) return [...mapKeyFaults(key), ...emptyFaults(values)];
  const removed = REMOVED.find(([pattern]) => pattern.test(text));
  if (removed !== undefined) return [fault('removed-key', `key ${quote(text)} no longer exists`, key, removed[1])];
  const nearest = tryFindNearest(text, [...Object.keys(CHECKS), ...MAP_KEYS]);
  return [fault('unknown-key', `unknown key ${quote(text)}`, key, nearest && `did you mean \`${nearest}\`?`)];
}

function mapKeyFaults(key: Cursor): readonly Problem[] {
  const text = key.text();
  const opening = text.indexOf('[');
  if (text.endsWith(']') && opening > 0 && opening < text.length - 2) return [];
  return [
    fault('map-key', `key ${quote(text)}: expected the form \`a[b]\``, key, 'such as `request.headers[x-tenant]`'),
  ];
}
