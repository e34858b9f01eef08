/** The declared relation, parsed from the JSON of `intent.json`: whom each callee lets in. */
import { type Problem, problem, type Result } from '../../language/problem.ts';
import { keysOf } from '../token.ts';

/** Everything that was declared, platform flows included. */
export interface Intent {
  readonly trustDomain: string;
  readonly grants: readonly Grant[];
  /** Pods that grants name and that somebody else installs; of others the labels are not known. */
  readonly pods: readonly DeclaredPod[];
  /** The namespaces whose pods are confined: Pod Security Standard `restricted`, and no token for the API server. */
  readonly confined: readonly string[];
  /** Whose an identity is: every pod of its account, the pods of its workloads alone, or only their proxies. */
  readonly identitiesBoundTo: (typeof BINDINGS)[number];
  /** What was declared of those who issue users' tokens. */
  readonly issuers: readonly Issuer[];
}

/** The narrower an identity is bound, the later in this list. */
const BINDINGS = ['accounts', 'workloads', 'proxies'] as const;

/** A pod beside the manifests: callees name it by `workload`, callers by `serviceAccount`. */
export interface DeclaredPod {
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One issuer of tokens: the keys that it signs with, and where its services read the verified claims. */
export interface Issuer {
  readonly issuer: string;
  /** Each key as `keysOf` gives it. */
  readonly keys: readonly string[];
  /** The header with the payload; null when nobody reads one. */
  readonly payloadHeader: string | null;
}

/** One caller may use one port of one callee, for one method and path where it speaks HTTP. */
export interface Grant {
  readonly caller:
    | {
        readonly kind: 'identity';
        readonly identity: string;
        readonly namespace: string;
        readonly serviceAccount: string;
      }
    /** Whoever reaches the port, with a certificate or without. */
    | { readonly kind: 'internet' }
    /** The kubelet: it passes beside the proxy and has no identity. */
    | { readonly kind: 'node' };
  readonly callee:
    | { readonly kind: 'workload'; readonly namespace: string; readonly workload: string }
    | { readonly kind: 'external'; readonly host: string };
  readonly protocol: 'grpc' | 'http' | 'tcp' | 'udp';
  readonly port: number;
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly user: User | null;
  /** Who has to stop all other calls: every layer, or NetworkPolicy alone where no proxy stands before the port. */
  readonly guard: 'everyLayer' | 'networkPolicy';
  readonly owner: string;
  readonly reason: string;
  /** `YYYY-MM-DD`, null for grants without end. */
  readonly expires: string | null;
  /** Where caller and callee declared it, as `file:line`; empty when the intent does not say. */
  readonly declaredAt: readonly string[];
}

/** The end user that a grant asks for: a token with a subject, of that issuer, for one of the audiences, with every claim. */
export interface User {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly claims: readonly { readonly claim: string; readonly values: readonly string[] }[];
}

/** A caller in one word: the account of an identity of this mesh, else the identity. */
export function callerName(principal: unknown, trustDomain: string): string {
  if (principal === null) return 'plaintext';
  if (Array.isArray(principal))
    return principal.length === 0
      ? 'a certificate without identity'
      : principal.map((each) => callerName(each, trustDomain)).join(' + ');
  if (typeof principal !== 'string') return JSON.stringify(principal);
  const own = principal.match(/^spiffe:\/\/([^/]+)\/ns\/[^/]+\/sa\/([^/]+)$/);
  return own !== null && own[1] === trustDomain ? (own[2] ?? principal) : principal;
}

/** A grant in one line. */
export function grantName({ caller, callee, port, protocol, http }: Grant, trustDomain: string): string {
  const from = caller.kind === 'identity' ? callerName(caller.identity, trustDomain) : caller.kind;
  const to = callee.kind === 'workload' ? callee.workload : callee.host;
  return `${from} -> ${to} ${http === null ? `${protocol === 'udp' ? 'udp' : 'tcp'} ${port}` : `${http.method} ${http.path}`}`;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Parses `intent.json`; members that are not known are ignored.
 * Errors: `intent/version`, `intent/type`, `intent/guard`; all at once, `at.path` is the member.
 */
export function parseIntent(json: unknown, file: string): Result<Intent> {
  const reader = new IntentReader(file);
  const root = reader.object(json, '');
  if (root['version'] !== 1) reader.report('version', 'version', 'expected 1');
  const trustDomain = reader.text(root['trustDomain'], '', 'trustDomain');
  const declared: Declared = { reader, trustDomain, callers: new Map() };
  const grants = ['grants', 'platform'].flatMap((list) =>
    reader.each(root[list], list, (item, path) => parseGrant(declared, item, path)),
  );
  const pods = reader.each(root['pods'] ?? [], 'pods', (item, path) => parsePod(reader, item, path));
  const confined = reader.texts('confined' in root ? root['confined'] : [], '', 'confined');
  const identitiesBoundTo = parseBinding(reader, root['identitiesBoundTo']);
  const issuers = reader.each(root['issuers'] ?? [], 'issuers', (item, path) => parseIssuer(reader, item, path));
  return reader.problems.length > 0
    ? { ok: false, problems: reader.problems }
    : { ok: true, value: { trustDomain, grants, pods, confined, identitiesBoundTo, issuers } };
}

/** May be left out: an account is then what an identity belongs to, as with Istio's own authority. */
function parseBinding(reader: IntentReader, binding: unknown): Intent['identitiesBoundTo'] {
  if (binding === undefined) return 'accounts';
  const found = BINDINGS.find((known) => known === binding);
  if (found === undefined) reader.report('type', 'identitiesBoundTo', `expected one of ${BINDINGS.join(', ')}`);
  return found ?? 'accounts';
}

/** Pods may be left out: rules that select pods of their namespaces are then taken to mean them. */
function parsePod(reader: IntentReader, pod: Json, path: string): DeclaredPod {
  const labels = reader.object(pod['labels'], `${path}.labels`);
  return {
    namespace: reader.text(pod['namespace'], path, 'namespace'),
    workload: reader.text(pod['workload'], path, 'workload'),
    serviceAccount: reader.text(pod['serviceAccount'], path, 'serviceAccount'),
    labels: Object.fromEntries(
      Object.keys(labels).map((key) => [key, reader.text(labels[key], `${path}.labels`, key)]),
    ),
  };
}

/** Issuers may be left out: verify then says that their keys are taken as they stand. */
function parseIssuer(reader: IntentReader, issuer: Json, path: string): Issuer {
  const keys = keysOf(issuer['jwks']);
  if (keys.length === 0) reader.report('type', `${path}.jwks`, 'expected a JSON Web Key Set with keys');
  const header = issuer['payloadHeader'];
  return {
    issuer: reader.text(issuer['issuer'], path, 'issuer'),
    keys,
    payloadHeader: typeof header === 'string' ? header.toLowerCase() : null,
  };
}

const PROTOCOLS = ['grpc', 'http', 'tcp', 'udp'] as const;

/** What the grants of an intent are read with. */
interface Declared {
  readonly reader: IntentReader;
  readonly trustDomain: string;
  /** By account, of the trust domain: who calls often is one value, whose identity is written once. */
  readonly callers: Map<string, Grant['caller'] & { readonly kind: 'identity' }>;
}

function parseGrant(declared: Declared, grant: Json, path: string): Grant {
  const { reader } = declared;
  const protocol = PROTOCOLS.find((known) => known === grant['protocol']);
  if (protocol === undefined) reader.report('type', `${path}.protocol`, `expected one of ${PROTOCOLS.join(', ')}`);
  const port = grant['port'];
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    reader.report('type', `${path}.port`, 'expected a port');
  const http = grant['http'] == null ? null : reader.object(grant['http'], `${path}.http`);
  const user = grant['user'] == null ? null : reader.object(grant['user'], `${path}.user`);
  return {
    caller: parseCaller(declared, grant['caller'], `${path}.caller`),
    callee: parseCallee(reader, grant['callee'], `${path}.callee`),
    protocol: protocol ?? 'tcp',
    port: typeof port === 'number' ? port : 0,
    http: http === null ? null : parseHttp(reader, http, `${path}.http`),
    user: user === null ? null : parseUser(reader, user, `${path}.user`),
    guard: parseGuard(reader, grant, path),
    owner: reader.text(grant['owner'], path, 'owner'),
    reason: reader.text(grant['reason'], path, 'reason'),
    expires: typeof grant['expires'] === 'string' ? grant['expires'] : null,
    declaredAt: placesOf(grant),
  };
}

const NOWHERE: readonly string[] = [];

function placesOf({ source, admittedAt }: Json): readonly string[] {
  if (source === undefined && admittedAt === undefined) return NOWHERE;
  return [source, admittedAt].filter((place) => typeof place === 'string');
}

function parseHttp(reader: IntentReader, http: Json, path: string): Grant['http'] {
  return { method: reader.text(http['method'], path, 'method'), path: reader.text(http['path'], path, 'path') };
}

function parseGuard(reader: IntentReader, grant: Json, path: string): Grant['guard'] {
  const guard = grant['guardedBy'];
  if (guard === undefined) return 'everyLayer';
  if (guard !== 'network-policy') reader.report('guard', `${path}.guardedBy`, 'expected network-policy or nothing');
  else if ((grant['http'] ?? null) !== null || (grant['user'] ?? null) !== null)
    reader.report('guard', path, 'NetworkPolicy alone sees neither methods, paths nor users: expected null for both');
  return 'networkPolicy';
}

function parseCaller({ reader, trustDomain, callers }: Declared, value: unknown, path: string): Grant['caller'] {
  const caller = reader.object(value, path);
  const kind = caller['kind'];
  if (kind === 'internet' || kind === 'node') return { kind };
  if (kind !== 'workload') reader.report('type', `${path}.kind`, 'expected workload, internet or node');
  const namespace = reader.text(caller['namespace'], path, 'namespace');
  const serviceAccount = reader.text(caller['serviceAccount'], path, 'serviceAccount');
  const own = caller['trustDomain'];
  const domain = typeof own === 'string' ? own : trustDomain;
  const known = callers.get(serviceAccount);
  if (domain === trustDomain && known?.namespace === namespace) return known;
  const identity = `spiffe://${domain}/ns/${namespace}/sa/${serviceAccount}`;
  const found = { kind: 'identity', identity, namespace, serviceAccount } as const;
  if (domain === trustDomain) callers.set(serviceAccount, found);
  return found;
}

function parseCallee(reader: IntentReader, value: unknown, path: string): Grant['callee'] {
  const callee = reader.object(value, path);
  if (callee['kind'] === 'external') return { kind: 'external', host: reader.text(callee['host'], path, 'host') };
  if (callee['kind'] !== 'workload') reader.report('type', `${path}.kind`, 'expected workload or external');
  return {
    kind: 'workload',
    namespace: reader.text(callee['namespace'], path, 'namespace'),
    workload: reader.text(callee['workload'], path, 'workload'),
  };
}

function parseUser(reader: IntentReader, user: Json, path: string): User {
  const claims = Array.isArray(user['claims']) ? user['claims'] : [];
  return {
    issuer: reader.text(user['issuer'], path, 'issuer'),
    audiences: reader.texts(user['audiences'], path, 'audiences'),
    claims: claims.map((item, index) => {
      const claim = reader.object(item, `${path}.claims[${index}]`);
      return {
        claim: reader.text(claim['claim'], path, 'claim'),
        values: reader.texts(claim['values'], path, 'values'),
      };
    }),
  };
}

/** Reads members and collects problems instead of stopping at the first. */
class IntentReader {
  readonly problems: Problem[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  report(code: string, path: string, message: string): void {
    this.problems.push(problem(`intent/${code}`, message, { file: this.#file, path, line: 1 }));
  }

  object(value: unknown, path: string): Json {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
    this.report('type', path, 'expected an object');
    return {};
  }

  /** What `parse` makes of the objects of a list, each with its path. */
  each<T>(value: unknown, path: string, parse: (item: Json, path: string) => T): readonly T[] {
    if (Array.isArray(value))
      return value.map((item: unknown, index) => {
        const place = `${path}[${index}]`;
        return parse(this.object(item, place), place);
      });
    this.report('type', path, 'expected a list');
    return [];
  }

  /** The text that `value` is, the `member` of the object at `path`. */
  text(value: unknown, path: string, member: string): string {
    if (typeof value === 'string') return value;
    this.report('type', path === '' ? member : `${path}.${member}`, 'expected a string');
    return '';
  }

  /** The texts that `value` holds, the `member` of the object at `path`. */
  texts(value: unknown, path: string, member: string): readonly string[] {
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.report('type', path === '' ? member : `${path}.${member}`, 'expected a list of strings');
    return [];
  }
}
