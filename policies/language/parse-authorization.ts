/** Parses AuthorizationPolicies. Source: semantics.md 3; istio `authz/model`. */
import type {
  Action,
  Attachment,
  AuthorizationPolicy,
  Clause,
  MetadataPattern,
  Pattern,
  PeerPattern,
  Rule,
  RulePart,
  Values,
} from './authorization.ts';
import type { MeshConfig } from './mesh.ts';
import { type Cursor, holdsItems, listOf, memberOf, textsOf } from './parse-cursor.ts';
import {
  parseHost,
  parseNamespace,
  parsePath,
  parsePattern,
  parsePrincipal,
  parseRequestPrincipal,
  parseServiceAccount,
  parseTrustDomain,
  tryParseCidr,
} from './parse-pattern.ts';
import { expandPrincipal, expandTrustDomain } from './parse-trust-domain.ts';

/** Parses one AuthorizationPolicy; the mesh settings decide trust domain rewriting. */
export function parseAuthorizationPolicy(document: Cursor, config: MeshConfig): AuthorizationPolicy {
  const metadata = document.get('metadata');
  const spec = document.get('spec');
  const namespace = metadata.textOf('namespace', 'default');
  const context: Context = { namespace, config };
  return {
    namespace,
    name: metadata.textOf('name'),
    action: parseAction(spec),
    enforcement: isTrueText(metadata.get('annotations').textOf('istio.io/dry-run')) ? 'dryRun' : 'enforced',
    attachment: parseAttachment(spec),
    rules: spec
      .get('rules')
      .items()
      .map((rule, index) => parseRule(rule, index, context)),
    at: document.place(),
  };
}

interface Context {
  readonly namespace: string;
  readonly config: MeshConfig;
}

/** Go's `strconv.ParseBool`, which reads the dry-run annotation. */
function isTrueText(text: string): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text);
}

function parseAction(spec: Cursor): Action {
  const action = spec.textOf('action', 'ALLOW');
  if (action === 'CUSTOM') return { kind: 'CUSTOM', provider: spec.get('provider').textOf('name') };
  return { kind: action === 'DENY' || action === 'AUDIT' ? action : 'ALLOW' };
}

/** Parses what a policy of `security.istio.io` is attached to; an empty selector is the whole namespace. */
export function parseAttachment(spec: Cursor): Attachment {
  const refs = [...spec.get('targetRefs').items(), ...(spec.has('targetRef') ? [spec.get('targetRef')] : [])];
  if (refs.length > 0) {
    return {
      kind: 'targetRefs',
      refs: refs.map((ref) => ({ kind: ref.textOf('kind'), name: ref.textOf('name') })),
    };
  }
  const labels = spec.get('selector', 'matchLabels').labels();
  return Object.keys(labels).length > 0 ? { kind: 'selector', labels } : { kind: 'wholeNamespace' };
}

/** Of a rule only its own place is kept: what it asks for is read as values. */
function parseRule(rule: Cursor, index: number, context: Context): Rule {
  const parts: RulePart[] = [];
  const from = alternativesOf(rule.value, FROM, context);
  if (from.length > 0) parts.push({ kind: 'from', alternatives: from });
  const to = alternativesOf(rule.value, TO, context);
  if (to.length > 0) parts.push({ kind: 'to', alternatives: to });
  for (const condition of rule.get('when').items())
    parts.push({ kind: 'when', alternatives: [[parseCondition(condition, context)].filter(asksSomething)] });
  return { index, parts, at: rule.place() };
}

type ParseClause = (given: Given, context: Context) => Clause;

/** A field with its not-form, and the clause that both are. */
interface Field {
  readonly name: string;
  readonly notName: string;
  readonly parse: ParseClause;
}

/** A list of a rule, each of whose items holds the fields of one alternative under `member`. */
interface Alternatives {
  readonly list: 'from' | 'to';
  readonly member: 'source' | 'operation';
  readonly fields: readonly Field[];
}

const fieldsOf = (clauses: Readonly<Record<string, ParseClause>>): readonly Field[] =>
  Object.entries(clauses).map(([name, parse]) => ({
    name,
    notName: `not${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    parse,
  }));

const FROM: Alternatives = {
  list: 'from',
  member: 'source',
  fields: fieldsOf({
    principals: parsePrincipals,
    namespaces: (given) => peerClause('namespace', given, parseNamespace),
    serviceAccounts: parseServiceAccounts,
    trustDomains: parseTrustDomains,
    requestPrincipals: (given) => clause('requestPrincipal', given, parseRequestPrincipal),
    ipBlocks: (given) => ({ of: 'source', ...clause('address', given, tryParseCidr) }),
    remoteIpBlocks: (given) => ({ of: 'remote', ...clause('address', given, tryParseCidr) }),
  }),
};

const TO: Alternatives = {
  list: 'to',
  member: 'operation',
  fields: fieldsOf({
    hosts: (given) => clause('host', given, parseHost),
    ports: (given) => clause('port', given, tryParsePort),
    methods: (given) => clause('method', given, presence),
    paths: (given) => clause('path', given, parsePath),
  }),
};

function alternativesOf(rule: unknown, { list, member, fields }: Alternatives, context: Context) {
  return listOf(rule, list).map((item) => clausesOf(memberOf(item, member), fields, context));
}

/** The clauses of the fields that hold values. */
function clausesOf(owner: unknown, fields: readonly Field[], context: Context): readonly Clause[] {
  const given = fields.filter(({ name, notName }) => holdsItems(owner, name) || holdsItems(owner, notName));
  return given.map(({ name, notName, parse }) =>
    parse({ values: textsOf(memberOf(owner, name)), notValues: textsOf(memberOf(owner, notName)) }, context),
  );
}

function parseCondition(condition: Cursor, context: Context): Clause {
  const key = condition.textOf('key');
  const given: Given = { values: condition.get('values').texts(), notValues: condition.get('notValues').texts() };
  const exactKey = Object.hasOwn(CONDITIONS, key) ? CONDITIONS[key] : undefined;
  if (exactKey !== undefined) return exactKey(given, context);
  const claim = keyed('request.auth.claims', key);
  if (claim !== undefined) return { path: claim, ...clause('claim', given, nonEmpty) };
  const header = keyed('request.headers', key);
  if (header?.[0] !== undefined) return { name: header[0].toLowerCase(), ...clause('header', given, presence) };
  if (/^experimental\.envoy\.filters\..*\[/s.test(key)) return metadataClause(key, given);
  const known = RECOGNISED_BY_PREFIX.find((prefix) => key.startsWith(prefix));
  if (known !== undefined) return malformed(known, given);
  return { on: 'unknownKey', key, values: [], notValues: [], unusable: [] };
}

/** The conditions whose key is recognised exactly and case-sensitively. Source: semantics.md 3.5. */
const CONDITIONS: Readonly<Record<string, ParseClause>> = {
  'source.principal': parsePrincipals,
  'source.namespace': (given) => peerClause('namespace', given, parseNamespace),
  'source.serviceAccount': parseServiceAccounts,
  'source.trustDomain': parseTrustDomains,
  'source.ip': (given) => ({ of: 'source', ...clause('address', given, tryParseCidr) }),
  'remote.ip': (given) => ({ of: 'remote', ...clause('address', given, tryParseCidr) }),
  'destination.ip': (given) => ({ of: 'destination', ...clause('address', given, tryParseCidr) }),
  'destination.port': (given) => clause('port', given, tryParsePort),
  'connection.sni': (given) => clause('sni', given, nonEmpty),
  'request.auth.principal': (given) => clause('requestPrincipal', given, parseRequestPrincipal),
  'request.auth.audiences': (given) => ({ path: ['aud'], ...clause('claim', given, nonEmpty) }),
  'request.auth.presenter': (given) => ({ path: ['azp'], ...clause('claim', given, nonEmpty) }),
};

/** A key that istiod recognises by its beginning and cannot read: none of its values is usable. */
function malformed(prefix: (typeof RECOGNISED_BY_PREFIX)[number], given: Given): Clause {
  const unread: Reader<never> = () => undefined;
  switch (prefix) {
    case 'request.headers':
      return { name: '', ...clause('header', given, unread) };
    case 'request.auth.claims':
      return { path: [], ...clause('claim', given, unread) };
    case 'experimental.envoy.filters.':
      return { filter: '', key: '', ...clause('metadata', given, unread) };
  }
}

const RECOGNISED_BY_PREFIX = ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.'] as const;

/** The names in `prefix[a][b]`, undefined when the key has another form. */
function keyed(prefix: string, key: string): readonly string[] | undefined {
  if (!key.startsWith(`${prefix}[`) || !key.endsWith(']')) return undefined;
  return key.slice(prefix.length + 1, -1).split('][');
}

/** `experimental.envoy.filters.X[k]`: a value `[v]` asks for a list that holds v. */
function metadataClause(key: string, given: Given): Clause {
  const [filter = '', rest = ''] = key.slice('experimental.envoy.filters.'.length).split('[');
  return { filter, key: rest.replace(/\]$/, ''), ...clause('metadata', given, metadataPattern) };
}

/** Source: istio `authz/model` `envoyFilterGenerator`: brackets at both ends ask for an element. */
function metadataPattern(text: string): MetadataPattern {
  const isList = text.startsWith('[') && text.endsWith(']');
  const inner = isList ? text.replace(/^[[\]]+|[[\]]+$/g, '') : text;
  return { form: isList ? 'list' : 'text', pattern: parsePattern(inner, 'nonEmpty') };
}

/** The texts of one field and of its not-form. */
interface Given {
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/** What a text means, undefined where it means nothing. */
type Reader<T> = (text: string) => T | undefined;

const presence: Reader<Pattern> = (text) => parsePattern(text, 'present');
const nonEmpty: Reader<Pattern> = (text) => parsePattern(text, 'nonEmpty');

/** What most fields hold: shared, since a policy of many rules has more of them than anything else. */
const NONE: readonly never[] = [];

function clause<On extends Clause['on'], T extends object | number>(
  on: On,
  { values, notValues }: Given,
  parse: Reader<T>,
): { readonly on: On } & Values<T> {
  const unusable: string[] = [];
  return { on, values: readAll(values, parse, unusable), notValues: readAll(notValues, parse, unusable), unusable };
}

function readAll<T>(texts: readonly string[], parse: Reader<T>, unusable: string[]): readonly T[] {
  if (texts.length === 0) return NONE;
  const meanings = texts.map((text) => parse(text));
  if (meanings.every((meaning) => meaning !== undefined)) return meanings;
  for (const [index, text] of texts.entries()) if (meanings[index] === undefined) unusable.push(text);
  return meanings.filter((meaning) => meaning !== undefined);
}

function peerClause(field: PeerField, given: Given, parse: Reader<PeerPattern>) {
  const { on, values, notValues, unusable } = clause('peer', given, parse);
  return { on, field, values, notValues, unusable };
}

type PeerField = 'principal' | 'namespace' | 'serviceAccount' | 'trustDomain';

function parsePrincipals(given: Given, { config }: Context): Clause {
  const values = expandPrincipals(given.values, config);
  const notValues = expandPrincipals(given.notValues, config);
  const rewritten = peerClause('principal', { values, notValues }, parsePrincipal);
  if (values === given.values && notValues === given.notValues) return rewritten;
  const asWritten = { values: given.values.map(parsePrincipal), notValues: given.notValues.map(parsePrincipal) };
  return { ...rewritten, asWritten };
}

/** The principals that stand for `texts`; the same list where each stands for itself. */
function expandPrincipals(texts: readonly string[], config: MeshConfig): readonly string[] {
  if (texts.every((text) => isKept(text, config))) return texts;
  return texts.flatMap((text) => expandPrincipal(text, config));
}

function isKept(text: string, config: MeshConfig): boolean {
  const expanded = expandPrincipal(text, config);
  return expanded.length === 1 && expanded[0] === text;
}

function parseServiceAccounts(given: Given, { namespace }: Context): Clause {
  return peerClause('serviceAccount', given, (text) => parseServiceAccount(text, namespace));
}

function parseTrustDomains({ values, notValues }: Given, { config }: Context): Clause {
  const expand = (texts: readonly string[]) => texts.flatMap((text) => expandTrustDomain(text, config));
  return peerClause('trustDomain', { values: expand(values), notValues: expand(notValues) }, parseTrustDomain);
}

function tryParsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

/** A condition without values is none; an unknown key costs its rule even so. Source: istio `authz/model.New`. */
function asksSomething(clause: Clause): boolean {
  return clause.on === 'unknownKey' || saysSomething(clause);
}

function saysSomething(clause: Clause): boolean {
  return clause.values.length + clause.notValues.length + clause.unusable.length > 0;
}
