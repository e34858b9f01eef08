/** istiod's validation of AuthorizationPolicy. Source: istio `ValidateAuthorizationPolicy`; `semantics.md` section 13. */
import { type Cursor, listOf, memberOf, textsOf } from './parse-cursor.ts';
import { type Problem, quote } from './problem.ts';
import {
  accountFaults,
  addressFaults,
  attributeFaults,
  emptyFaults,
  isAccount,
  isAddress,
  isFilled,
  isPort,
  portFaults,
} from './webhook-attribute.ts';
import { fault } from './webhook-fault.ts';
import { templateFaults } from './webhook-template.ts';

/** The faults of the `spec` of an AuthorizationPolicy. */
export function authorizationFaults(spec: Cursor): readonly Problem[] {
  const action = spec.textOf('action', 'ALLOW');
  const rules = listOf(spec.value, 'rules');
  const faults = actionFaults(spec, action, rules);
  if (action !== 'CUSTOM' && rules.every(isSound)) return faults;
  const places = spec.get('rules').items();
  return [...faults, ...places.flatMap((rule) => ruleFaults(rule, action))];
}

function actionFaults(spec: Cursor, action: string, rules: readonly unknown[]): readonly Problem[] {
  const faults: Problem[] = [];
  const provider = spec.get('provider');
  if ((action === 'DENY' || action === 'CUSTOM') && rules.length === 0) {
    const message = `action ${action} without rules never applies`;
    faults.push(fault('no-rules', message, spec, 'write `rules: [{}]` if every request is meant'));
  }
  if (action === 'CUSTOM' && rules.length > 0 && provider.get('name').text() === '') {
    faults.push(fault('provider', 'action CUSTOM needs `provider.name`', spec, 'name a provider of the mesh config'));
  }
  if (action !== 'CUSTOM' && provider.isPresent()) {
    faults.push(fault('provider', `a provider belongs to action CUSTOM, got ${action}`, provider));
  }
  return faults;
}

function ruleFaults(rule: Cursor, action: string): readonly Problem[] {
  const conditions = rule.get('when').items();
  return [
    ...rule.get('from').items().flatMap(fromFaults),
    ...rule.get('to').items().flatMap(toFaults),
    ...conditions.flatMap(conditionFaults),
    ...(action === 'CUSTOM' ? customFaults(rule, conditions) : []),
  ];
}

/** A field with its negation: `principals` and `notPrincipals`. */
const withNegations = (names: readonly string[]): readonly string[] =>
  names.flatMap((name) => [name, `not${name.slice(0, 1).toUpperCase()}${name.slice(1)}`]);

const IDENTITY_FIELDS = withNegations([
  'principals',
  'requestPrincipals',
  'namespaces',
  'serviceAccounts',
  'trustDomains',
]);
const PLAIN_FIELDS = withNegations(['principals', 'requestPrincipals', 'namespaces']);
const ACCOUNT_FIELDS = withNegations(['serviceAccounts']);
const TRUST_DOMAIN_FIELDS = withNegations(['trustDomains']);
const ADDRESS_FIELDS = withNegations(['ipBlocks', 'remoteIpBlocks']);
const SOURCE_FIELDS = [...IDENTITY_FIELDS, ...ADDRESS_FIELDS];
const PATH_FIELDS = withNegations(['paths']);
const PORT_FIELDS = withNegations(['ports']);
const FILLED_FIELDS = withNegations(['hosts', 'methods', 'paths']);
const OPERATION_FIELDS = withNegations(['hosts', 'ports', 'methods', 'paths']);

type Claim = (text: string) => boolean;

/** What every value of a field must be to be beyond doubt. */
const claimsOf = (...claims: readonly (readonly [fields: readonly string[], claim: Claim])[]) =>
  new Map(claims.flatMap(([fields, claim]) => fields.map((name) => [name, claim] as const)));

const SOUND_SOURCE = claimsOf(
  [PLAIN_FIELDS, isFilled],
  [ACCOUNT_FIELDS, isAccount],
  [TRUST_DOMAIN_FIELDS, isTrustDomain],
  [ADDRESS_FIELDS, isAddress],
);
const SOUND_OPERATION = claimsOf(
  [FILLED_FIELDS, isFilled],
  [PATH_FIELDS, (text) => isFilled(text) && !/[{}]/.test(text)],
  [PORT_FIELDS, isPort],
);

/**
 * True only of a rule that has no fault, said at a glance and without places: a large mesh has thousands of rules, and
 * faults in few of them.
 */
function isSound(rule: unknown): boolean {
  return (
    listOf(rule, 'from').every((item) => isSoundMember(memberOf(item, 'source'), SOUND_SOURCE)) &&
    listOf(rule, 'to').every((item) => isSoundMember(memberOf(item, 'operation'), SOUND_OPERATION)) &&
    listOf(rule, 'when').length === 0
  );
}

/** True iff a source or operation has values, and of every field only such as it takes. */
function isSoundMember(member: unknown, claims: ReadonlyMap<string, Claim>): boolean {
  let isBlank = true;
  for (const name of Object.keys(member ?? {})) {
    const claim = claims.get(name);
    const texts = textsOf(memberOf(member, name));
    if (claim === undefined || !texts.every(claim)) return false;
    if (texts.length > 0) isBlank = false;
  }
  return !isBlank;
}

/** The values of some fields. */
function valuesIn(place: Cursor, fields: readonly string[]): readonly Cursor[] {
  return fields.flatMap((name) => place.get(name).items());
}

const isBlank = (place: Cursor, fields: readonly string[]): boolean => !fields.some((name) => place.hasItems(name));

function fromFaults(from: Cursor): readonly Problem[] {
  const source = from.get('source');
  if (!source.isPresent()) return [fault('empty-source', 'expected a source, got nothing', from, 'remove the entry')];
  if (isBlank(source, SOURCE_FIELDS)) {
    return [
      fault('empty-source', 'a source needs at least one field with values', source, 'leave `from` out for any source'),
    ];
  }
  return [
    ...emptyFaults(valuesIn(source, PLAIN_FIELDS)),
    ...addressFaults(valuesIn(source, ADDRESS_FIELDS)),
    ...accountFaults(valuesIn(source, ACCOUNT_FIELDS)),
    ...valuesIn(source, TRUST_DOMAIN_FIELDS).flatMap(trustDomainFaults),
  ];
}

/** True of a trust domain, with one star at most, which stands first or last. */
function isTrustDomain(text: string): boolean {
  const stars = text.split('*').length - 1;
  const isOuter = text.startsWith('*') || text.endsWith('*');
  return text !== '' && !text.includes('/') && (stars === 0 || (stars === 1 && isOuter));
}

function trustDomainFaults(value: Cursor): readonly Problem[] {
  const text = value.text();
  if (isTrustDomain(text)) return [];
  if (text === '') return emptyFaults([value]);
  if (text.includes('/')) {
    return [
      fault(
        'trust-domain',
        `trust domain ${quote(text)}: \`/\` is not allowed`,
        value,
        'a trust domain ends before `/ns/`',
      ),
    ];
  }
  return [fault('trust-domain', `trust domain ${quote(text)}: one \`*\` is allowed, first or last`, value)];
}

function toFaults(to: Cursor): readonly Problem[] {
  const operation = to.get('operation');
  if (!operation.isPresent())
    return [fault('empty-operation', 'expected an operation, got nothing', to, 'remove the entry')];
  if (isBlank(operation, OPERATION_FIELDS)) {
    const help = 'leave `to` out for any operation';
    return [fault('empty-operation', 'an operation needs at least one field with values', operation, help)];
  }
  return [
    ...emptyFaults(valuesIn(operation, FILLED_FIELDS)),
    ...portFaults(valuesIn(operation, PORT_FIELDS)),
    ...valuesIn(operation, PATH_FIELDS).flatMap(templateFaults),
  ];
}

function conditionFaults(condition: Cursor): readonly Problem[] {
  const key = condition.get('key');
  const values = [...condition.get('values').items(), ...condition.get('notValues').items()];
  if (key.text() === '') return [fault('condition-key', 'expected a key, got an empty string', key)];
  if (values.length > 0) return attributeFaults(key, values);
  const message = `condition ${quote(key.text())}: expected values or notValues, got neither`;
  return [fault('condition-values', message, condition)];
}

const isIdentityKey = (key: string): boolean =>
  ['source.namespace', 'source.serviceAccount', 'source.principal', 'source.trustDomain'].includes(key) ||
  key.startsWith('request.auth.');

/** CUSTOM runs before tokens are checked and cannot use identities. */
function customFaults(rule: Cursor, conditions: readonly Cursor[]): readonly Problem[] {
  const sources = rule
    .get('from')
    .items()
    .map((from) => from.get('source'));
  const fields = sources.flatMap((source) => IDENTITY_FIELDS.map((name) => source.get(name)));
  const used = fields.filter((field) => field.items().length > 0);
  const keys = conditions.map((condition) => condition.get('key')).filter((key) => isIdentityKey(key.text()));
  const help = 'use a DENY policy for it';
  return [
    ...used.map((field) => fault('custom', `action CUSTOM cannot use \`${field.path.at(-1)}\``, field, help)),
    ...keys.map((key) => fault('custom', `action CUSTOM cannot use ${quote(key.text())}`, key, help)),
  ];
}
