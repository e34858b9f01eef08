/** Parses AuthorizationPolicies. Source: semantics.md 3; istio `authz/model`. */
import type {
  Action,
  Attachment,
  AuthorizationPolicy,
  Clause,
  MetadataPattern,
  PathPattern,
  Pattern,
  PeerPattern,
  Rule,
  RulePart,
  Values,
} from './authorization.ts';
import type { MeshConfig } from './mesh.ts';
import type { Cursor } from './parse-cursor.ts';
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
  const namespace = document.get('metadata', 'namespace').text('default');
  const context: Context = { namespace, config };
  const dryRun = document.get('metadata', 'annotations', 'istio.io/dry-run').text();
  return {
    namespace,
    name: document.get('metadata', 'name').text(),
    action: parseAction(document),
    enforcement: isTrueText(dryRun) ? 'dryRun' : 'enforced',
    attachment: parseAttachment(document.get('spec')),
    rules: document
      .get('spec', 'rules')
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

function parseAction(document: Cursor): Action {
  const action = document.get('spec', 'action').text('ALLOW');
  if (action === 'CUSTOM') return { kind: 'CUSTOM', provider: document.get('spec', 'provider', 'name').text() };
  return { kind: action === 'DENY' || action === 'AUDIT' ? action : 'ALLOW' };
}

/** Parses what a policy of `security.istio.io` is attached to; an empty selector is the whole namespace. */
export function parseAttachment(spec: Cursor): Attachment {
  const refs = [
    ...spec.get('targetRefs').items(),
    ...(spec.get('targetRef').isPresent() ? [spec.get('targetRef')] : []),
  ];
  if (refs.length > 0) {
    return {
      kind: 'targetRefs',
      refs: refs.map((ref) => ({ kind: ref.get('kind').text(), name: ref.get('name').text() })),
    };
  }
  const labels = spec.get('selector', 'matchLabels').labels();
  return Object.keys(labels).length > 0 ? { kind: 'selector', labels } : { kind: 'wholeNamespace' };
}

function parseRule(rule: Cursor, index: number, context: Context): Rule {
  const parts: RulePart[] = [];
  const from = rule.get('from').items();
  if (from.length > 0)
    parts.push({
      kind: 'from',
      alternatives: from.map((item) => clausesOf(item.get('source'), SOURCE_FIELDS, context)),
    });
  const to = rule.get('to').items();
  if (to.length > 0)
    parts.push({
      kind: 'to',
      alternatives: to.map((item) => clausesOf(item.get('operation'), OPERATION_FIELDS, context)),
    });
  for (const condition of rule.get('when').items())
    parts.push({ kind: 'when', alternatives: [[parseCondition(condition, context)].filter(asksSomething)] });
  return { index, parts, at: rule.place() };
}

type ParseClause = (read: Given, context: Context) => Clause;

/** A field with its not-form, and the clause that both are. */
interface Field {
  readonly name: string;
  readonly notName: string;
  readonly parse: ParseClause;
}

const fieldsOf = (clauses: Readonly<Record<string, ParseClause>>): readonly Field[] =>
  Object.entries(clauses).map(([name, parse]) => ({
    name,
    notName: `not${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    parse,
  }));

const SOURCE_FIELDS = fieldsOf({
  principals: (read, context) => peerClause('principal', read, context),
  namespaces: (read, context) => peerClause('namespace', read, context),
  serviceAccounts: (read, context) => peerClause('serviceAccount', read, context),
  trustDomains: (read, context) => peerClause('trustDomain', read, context),
  requestPrincipals: (read) => ({ on: 'requestPrincipal', ...values(read, one(parseRequestPrincipal)) }),
  ipBlocks: (read) => ({ on: 'address', of: 'source', ...values(read, optional(tryParseCidr)) }),
  remoteIpBlocks: (read) => ({ on: 'address', of: 'remote', ...values(read, optional(tryParseCidr)) }),
});

const OPERATION_FIELDS = fieldsOf({
  hosts: (read) => ({ on: 'host', ...values(read, one(parseHost)) }),
  ports: (read) => ({ on: 'port', ...values(read, optional(tryParsePort)) }),
  methods: (read) => ({ on: 'method', ...values(read, presence) }),
  paths: (read) => ({ on: 'path', ...values<PathPattern>(read, one(parsePath)) }),
});

/** The clauses of the fields that hold values. */
function clausesOf(owner: Cursor, fields: readonly Field[], context: Context): readonly Clause[] {
  const clauses: Clause[] = [];
  for (const { name, notName, parse } of fields) {
    if (!owner.hasItems(name) && !owner.hasItems(notName)) continue;
    clauses.push(parse({ values: owner.textsOf(name), notValues: owner.textsOf(notName) }, context));
  }
  return clauses;
}

function parseCondition(condition: Cursor, context: Context): Clause {
  const key = condition.get('key').text();
  const read: Given = { values: condition.get('values').texts(), notValues: condition.get('notValues').texts() };
  const exactKey = CONDITIONS[key];
  if (exactKey !== undefined) return exactKey(read, context);
  const claim = keyed('request.auth.claims', key);
  if (claim !== undefined) return { on: 'claim', path: claim, ...values(read, nonEmpty) };
  const header = keyed('request.headers', key);
  if (header?.[0] !== undefined) return { on: 'header', name: header[0].toLowerCase(), ...values(read, presence) };
  if (/^experimental\.envoy\.filters\..*\[/s.test(key)) return metadataClause(key, read);
  const known = RECOGNISED_BY_PREFIX.find((prefix) => key.startsWith(prefix));
  if (known !== undefined) return malformed(known, read);
  return { on: 'unknownKey', key, values: [], notValues: [], unusable: [] };
}

/** The conditions whose key is recognised exactly and case-sensitively. Source: semantics.md 3.5. */
const CONDITIONS: Readonly<Record<string, ParseClause>> = {
  'source.principal': (read, context) => peerClause('principal', read, context),
  'source.namespace': (read, context) => peerClause('namespace', read, context),
  'source.serviceAccount': (read, context) => peerClause('serviceAccount', read, context),
  'source.trustDomain': (read, context) => peerClause('trustDomain', read, context),
  'source.ip': (read) => ({ on: 'address', of: 'source', ...values(read, optional(tryParseCidr)) }),
  'remote.ip': (read) => ({ on: 'address', of: 'remote', ...values(read, optional(tryParseCidr)) }),
  'destination.ip': (read) => ({ on: 'address', of: 'destination', ...values(read, optional(tryParseCidr)) }),
  'destination.port': (read) => ({ on: 'port', ...values(read, optional(tryParsePort)) }),
  'connection.sni': (read) => ({ on: 'sni', ...values(read, nonEmpty) }),
  'request.auth.principal': (read) => ({ on: 'requestPrincipal', ...values(read, one(parseRequestPrincipal)) }),
  'request.auth.audiences': (read) => ({ on: 'claim', path: ['aud'], ...values(read, nonEmpty) }),
  'request.auth.presenter': (read) => ({ on: 'claim', path: ['azp'], ...values(read, nonEmpty) }),
};

/** A key that istiod recognises by its beginning and cannot read: none of its values is usable. */
function malformed(prefix: (typeof RECOGNISED_BY_PREFIX)[number], read: Given): Clause {
  const none = values<never>(read, () => []);
  switch (prefix) {
    case 'request.headers':
      return { on: 'header', name: '', ...none };
    case 'request.auth.claims':
      return { on: 'claim', path: [], ...none };
    case 'experimental.envoy.filters.':
      return { on: 'metadata', filter: '', key: '', ...none };
  }
}

const RECOGNISED_BY_PREFIX = ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.'] as const;

/** The names in `prefix[a][b]`, undefined when the key has another form. */
function keyed(prefix: string, key: string): readonly string[] | undefined {
  if (!key.startsWith(`${prefix}[`) || !key.endsWith(']')) return undefined;
  return key.slice(prefix.length + 1, -1).split('][');
}

/** `experimental.envoy.filters.X[k]`: a value `[v]` asks for a list that holds v. */
function metadataClause(key: string, read: Given): Clause {
  const [filter = '', rest = ''] = key.slice('experimental.envoy.filters.'.length).split('[');
  return { on: 'metadata', filter, key: rest.replace(/\]$/, ''), ...values(read, one(metadataPattern)) };
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

type Reader<T> = (text: string) => readonly T[];

function one<T>(parse: (text: string) => T): Reader<T> {
  return (text) => [parse(text)];
}

function optional<T>(tryParse: (text: string) => T | undefined): Reader<T> {
  return (text) => {
    const parsed = tryParse(text);
    return parsed === undefined ? [] : [parsed];
  };
}

const presence: Reader<Pattern> = (text) => [parsePattern(text, 'present')];
const nonEmpty: Reader<Pattern> = (text) => [parsePattern(text, 'nonEmpty')];

function values<T>(read: Given, parse: Reader<T>): Values<T> {
  const unusable: string[] = [];
  const parsed = (texts: readonly string[]): readonly T[] => {
    const found: T[] = [];
    for (const text of texts) {
      const meanings = parse(text);
      if (meanings.length === 0) unusable.push(text);
      for (const meaning of meanings) found.push(meaning);
    }
    return found;
  };
  return { values: parsed(read.values), notValues: parsed(read.notValues), unusable };
}

function peerClause(field: PeerField, read: Given, context: Context): Clause {
  const rewritten = values(read, (text) => PEER_PATTERNS[field](text, context));
  if (field !== 'principal' || [...read.values, ...read.notValues].every((text) => isKept(text, context)))
    return { on: 'peer', field, ...rewritten };
  const asWritten = { values: read.values.map(parsePrincipal), notValues: read.notValues.map(parsePrincipal) };
  return { on: 'peer', field, ...rewritten, asWritten };
}

function isKept(text: string, { config }: Context): boolean {
  const expanded = expandPrincipal(text, config);
  return expanded.length === 1 && expanded[0] === text;
}

type PeerField = 'principal' | 'namespace' | 'serviceAccount' | 'trustDomain';

const PEER_PATTERNS: Readonly<Record<PeerField, (text: string, context: Context) => readonly PeerPattern[]>> = {
  principal: (text, { config }) => expandPrincipal(text, config).map(parsePrincipal),
  namespace: (text) => [parseNamespace(text)],
  serviceAccount: (text, { namespace }) => [parseServiceAccount(text, namespace)],
  trustDomain: (text, { config }) => expandTrustDomain(text, config).map(parseTrustDomain),
};

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
