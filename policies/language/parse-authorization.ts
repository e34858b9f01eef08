/** Parses AuthorizationPolicies. Source: semantics.md 3; istio `authz/model`. */
import type {
  Action,
  Attachment,
  AuthorizationPolicy,
  Clause,
  PathPattern,
  Pattern,
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
    at: document.at(),
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
    parts.push({ kind: 'from', alternatives: from.map((item) => parseSource(item.get('source'), context)) });
  const to = rule.get('to').items();
  if (to.length > 0) parts.push({ kind: 'to', alternatives: to.map((item) => parseOperation(item.get('operation'))) });
  for (const condition of rule.get('when').items())
    parts.push({ kind: 'when', alternatives: [[parseCondition(condition, context)].filter(asksSomething)] });
  return { index, parts, at: rule.at() };
}

function parseSource(source: Cursor, context: Context): readonly Clause[] {
  const read = (field: string): Given => given(source, field);
  return [
    peerClause('principal', read('principals'), context),
    peerClause('namespace', read('namespaces'), context),
    peerClause('serviceAccount', read('serviceAccounts'), context),
    peerClause('trustDomain', read('trustDomains'), context),
    { on: 'requestPrincipal' as const, ...values(read('requestPrincipals'), one(parseRequestPrincipal)) },
    { on: 'address' as const, of: 'source' as const, ...values(read('ipBlocks'), optional(tryParseCidr)) },
    { on: 'address' as const, of: 'remote' as const, ...values(read('remoteIpBlocks'), optional(tryParseCidr)) },
  ].filter(saysSomething);
}

function parseOperation(operation: Cursor): readonly Clause[] {
  const read = (field: string): Given => given(operation, field);
  const clauses: readonly Clause[] = [
    { on: 'host', ...values(read('hosts'), one(parseHost)) },
    { on: 'port', ...values(read('ports'), optional(tryParsePort)) },
    { on: 'method', ...values(read('methods'), presence) },
    { on: 'path', ...values<PathPattern>(read('paths'), one(parsePath)) },
  ];
  return clauses.filter(saysSomething);
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
const CONDITIONS: Readonly<Record<string, (read: Given, context: Context) => Clause>> = {
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
  return { on: 'metadata', filter, key: rest.replace(/\]$/, ''), ...values(read, nonEmpty) };
}

/** The texts of one field and of its not-form. */
interface Given {
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

function given(owner: Cursor, field: string): Given {
  const notField = `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;
  return { values: owner.get(field).texts(), notValues: owner.get(notField).texts() };
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
  const unusable = [...read.values, ...read.notValues].filter((text) => parse(text).length === 0);
  return { values: read.values.flatMap(parse), notValues: read.notValues.flatMap(parse), unusable };
}

function peerClause(
  field: 'principal' | 'namespace' | 'serviceAccount' | 'trustDomain',
  read: Given,
  context: Context,
): Clause {
  const parse = {
    principal: (text: string) => expandPrincipal(text, context.config).map(parsePrincipal),
    namespace: one(parseNamespace),
    serviceAccount: one((text: string) => parseServiceAccount(text, context.namespace)),
    trustDomain: (text: string) => expandTrustDomain(text, context.config).map(parseTrustDomain),
  }[field];
  return { on: 'peer', field, ...values(read, parse) };
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
