/** istiod's validation of RequestAuthentication. Source: istio `validateJwtRule`; `semantics.md` section 13. */
import { nanosecondsOf } from './duration.ts';
import type { Cursor } from './parse-cursor.ts';
import { type Problem, quote } from './problem.ts';
import { fault } from './webhook-fault.ts';

/** The faults of the `spec` of a RequestAuthentication. */
export function requestAuthenticationFaults(spec: Cursor): readonly Problem[] {
  return spec.get('jwtRules').items().flatMap(jwtRuleFaults);
}

function jwtRuleFaults(rule: Cursor): readonly Problem[] {
  const faults: Problem[] = [];
  const keys = rule.get('jwks');
  const timeout = rule.get('timeout');
  const uri = rule.get('jwksUri').text() || rule.get('jwks_uri').text();
  if (rule.get('issuer').text() === '' && uri === '') {
    faults.push(fault('issuer', 'a rule needs an issuer or a jwksUri', rule, 'name the `iss` of the tokens'));
  }
  const reason = keys.text() === '' ? undefined : keySetFault(keys.text());
  if (reason !== undefined) faults.push(fault('jwks', `jwks cannot be read: ${reason}`, keys));
  const nanoseconds = nanosecondsOf(timeout.text());
  if (nanoseconds !== undefined && nanoseconds > 1_000_000 && nanoseconds % 1_000_000 !== 0) {
    faults.push(fault('timeout', `timeout ${quote(timeout.text())} is finer than a millisecond`, timeout));
  }
  return faults;
}

/** The members that make up the public part of a key. Source: RFC 7518 section 6, RFC 8037. */
const KEY_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  oct: ['k'],
};

/** Why `text` is no JSON Web Key Set, undefined when it is one. */
function keySetFault(text: string): string | undefined {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return 'it is no JSON';
  }
  if (typeof set !== 'object' || set === null) return 'expected a JSON object';
  const keys: unknown = Reflect.get(set, 'keys') ?? [set];
  if (!Array.isArray(keys)) return 'expected `keys` to be a list';
  return keys.map(keyFault).find((reason) => reason !== undefined);
}

function keyFault(key: unknown): string | undefined {
  const members = Object(key);
  const type = String(members.kty);
  const needed = Object.hasOwn(KEY_MEMBERS, type) ? KEY_MEMBERS[type] : undefined;
  if (needed === undefined) return `key type ${quote(type)} is not known`;
  const absent = needed.filter((name) => typeof members[name] !== 'string' || members[name] === '');
  return absent.length === 0 ? undefined : `a key of type ${type} needs ${absent.map(quote).join(', ')}`;
}
