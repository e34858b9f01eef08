/** Parses a request from its JSON form. */
import { tryParseAddress } from '../language/parse-pattern.ts';
import { type Problem, problem, type Result } from '../language/problem.ts';
import type { Address, Caller, HttpRequest, Metadata, Pod, Request, Token } from './request.ts';

/**
 * Parses one request; members left out take their defaults: plaintext, `remoteIp` = `ip`, no HTTP, no token, no SNI.
 * Shape: `{"id","source":{"principal"|"workload","dnsNames","subject","ip","remoteIp"},"destination":{"namespace","workload","port","ip"},
 * "http":{"method","path","host","headers"}|null,"jwt":{"claims","invalid"?}|null,"sni"}`; `"pods":[{"namespace",
 * "name","labels","sidecar"?}]` adds pods that the manifests do not hold; `"expected"` is for who holds the verdict against it.
 * Errors: `request/type`, `request/missing`, `request/unknown-member`, `request/address`, `request/port`,
 * `request/caller`; all at once, `at.path` is the member.
 */
export function parseRequest(json: unknown): Result<Request> {
  const problems: Problem[] = [];
  const root = new Reader(json, '', problems);
  root.allowOnly(['id', 'source', 'destination', 'http', 'jwt', 'sni', 'metadata', 'pods', 'expected']);
  const source = root.member('source');
  source.allowOnly(['principal', 'dnsNames', 'subject', 'workload', 'ip', 'remoteIp']);
  const destination = root.member('destination');
  destination.allowOnly(['namespace', 'workload', 'port', 'ip']);
  const sourceIp = source.member('ip').address();
  const remoteIp = source.member('remoteIp');
  const request: Request = {
    id: root.member('id').text(''),
    caller: parseCaller(source),
    sourceIp,
    remoteIp: remoteIp.isGiven() ? remoteIp.address() : sourceIp,
    destination: {
      namespace: destination.member('namespace').requiredText(),
      workload: destination.member('workload').requiredText(),
      port: destination.member('port').port(),
      ip: destination.member('ip').address(),
    },
    http: parseHttp(root.member('http')),
    token: parseToken(root.member('jwt')),
    sni: root.member('sni').text(''),
    ...(root.member('metadata').isGiven() ? { metadata: parseMetadata(root.member('metadata')) } : {}),
    ...(root.member('pods').isGiven() ? { pods: root.member('pods').items().map(parsePod) } : {}),
  };
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: request };
}

function parseCaller(source: Reader): Caller {
  const principal = source.member('principal');
  const workload = source.member('workload');
  const names = parseNames(source);
  if (workload.isGiven()) {
    workload.allowOnly(['namespace', 'name']);
    if (principal.isGiven()) source.report('caller', 'principal and workload given: expected one');
    if (names.isGiven)
      source.report('caller', 'a workload shows its own certificate: expected no dnsNames and no subject');
    const reference = {
      namespace: workload.member('namespace').requiredText(),
      workload: workload.member('name').requiredText(),
    };
    return { kind: 'workload', reference };
  }
  if (!principal.isGiven() && !names.isGiven) return { kind: 'plaintext' };
  const identities = Array.isArray(principal.value) ? principal.texts() : [principal.text('')];
  if (!names.isGiven) return { kind: 'mtls', identities };
  return { kind: 'mtls', identities: principal.isGiven() ? identities : [], names: names.texts };
}

/** What a certificate may say besides its URI SANs. */
function parseNames(source: Reader): { readonly isGiven: boolean; readonly texts: readonly string[] } {
  const [dnsNames, subject] = [source.member('dnsNames'), source.member('subject')];
  const texts = [
    ...(dnsNames.isGiven() ? dnsNames.items().map((name) => name.requiredText()) : []),
    ...(subject.isGiven() ? [subject.text('')] : []),
  ];
  return { isGiven: dnsNames.isGiven() || subject.isGiven(), texts };
}

/** By filter and key, each a text or a list of texts. */
function parseMetadata(metadata: Reader): Metadata {
  return Object.fromEntries(
    metadata
      .members()
      .map(([filter, keys]) => [
        filter,
        Object.fromEntries(
          keys.members().map(([key, value]) => [key, Array.isArray(value.value) ? value.texts() : value.text('')]),
        ),
      ]),
  );
}

const SIDECARS = ['none', 'asNamespaceSays'] as const;

function parsePod(pod: Reader): Pod {
  pod.allowOnly(['namespace', 'name', 'labels', 'sidecar']);
  const sidecar = pod.member('sidecar');
  const stated = SIDECARS.find((known) => known === sidecar.value);
  if (sidecar.isGiven() && stated === undefined) sidecar.report('type', `expected one of ${SIDECARS.join(', ')}`);
  const labels = pod.member('labels').members();
  return {
    namespace: pod.member('namespace').requiredText(),
    workload: pod.member('name').requiredText(),
    labels: Object.fromEntries(labels.map(([name, value]) => [name, value.text('')])),
    ...(stated === undefined ? {} : { sidecar: stated }),
  };
}

function parseHttp(http: Reader): HttpRequest | null {
  if (!http.isGiven()) return null;
  http.allowOnly(['method', 'path', 'host', 'headers']);
  const headers = new Map<string, readonly string[]>();
  for (const [name, values] of http.member('headers').members()) {
    const lowerCase = name.toLowerCase();
    const texts = Array.isArray(values.value) ? values.texts() : [values.text('')];
    headers.set(lowerCase, [...(headers.get(lowerCase) ?? []), ...texts]);
  }
  // HTTP/2 lets a client split cookies, and whoever receives them puts them together first (RFC 9113, 8.2.3).
  const cookies = headers.get('cookie') ?? [];
  if (cookies.length > 1) headers.set('cookie', [cookies.join('; ')]);
  return {
    method: http.member('method').requiredText(),
    path: http.member('path').requiredText(),
    host: http.member('host').text(''),
    headers,
  };
}

const FAULTS = ['signature', 'expired', 'audience'] as const;

function parseToken(jwt: Reader): Token | null {
  if (!jwt.isGiven()) return null;
  jwt.allowOnly(['claims', 'invalid']);
  const claims = Object.fromEntries(
    jwt
      .member('claims')
      .members()
      .map(([name, value]) => [name, value.value]),
  );
  const invalid = jwt.member('invalid');
  const fault = FAULTS.find((known) => known === invalid.value);
  if (invalid.isGiven() && fault === undefined) invalid.report('type', `expected one of ${FAULTS.join(', ')}`);
  return { claims, fault: isReadable(claims) ? (fault ?? 'none') : 'expired' };
}

/**
 * True iff the registered claims have types that a verifier can read; a token with others is refused as an expired one
 * is, before its issuer, audience and signature are looked at. Source: Envoy jwt_verify_lib `Jwt::parseFromString`.
 */
function isReadable(claims: Readonly<Record<string, unknown>>): boolean {
  const isText = (value: unknown) => typeof value === 'string';
  const texts = ['iss', 'sub', 'jti'].map((name) => claims[name]).filter((value) => value !== undefined);
  const audience = claims['aud'];
  const audiences = Array.isArray(audience) ? audience : audience === undefined ? [] : [audience];
  return [...texts, ...audiences].every(isText);
}

/** Reads JSON members and collects problems instead of stopping at the first. */
class Reader {
  readonly value: unknown;
  readonly #path: string;
  readonly #problems: Problem[];

  constructor(value: unknown, path: string, problems: Problem[]) {
    this.value = value;
    this.#path = path;
    this.#problems = problems;
  }

  report(code: string, message: string): void {
    const subject = this.#path === '' ? 'request' : `\`${this.#path}\``;
    this.#problems.push(
      problem(`request/${code}`, `${subject}: ${message}`, { file: 'request', path: this.#path, line: 1 }),
    );
  }

  isGiven(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  members(): readonly (readonly [string, Reader])[] {
    if (!this.isGiven()) return [];
    if (typeof this.value !== 'object' || Array.isArray(this.value)) {
      this.report('type', `expected an object, got ${describe(this.value)}`);
      return [];
    }
    return Object.entries(this.value ?? {}).map(([name, value]) => [name, this.#child(name, value)] as const);
  }

  member(name: string): Reader {
    const holder: unknown = this.value;
    const owned = typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name);
    return this.#child(name, owned ? Reflect.get(holder, name) : undefined);
  }

  allowOnly(names: readonly string[]): void {
    for (const [name, value] of this.members()) {
      if (!names.includes(name)) value.report('unknown-member', `expected one of ${names.join(', ')}`);
    }
  }

  text(otherwise: string): string {
    if (!this.isGiven()) return otherwise;
    if (typeof this.value === 'string') return this.value;
    this.report('type', `expected a string, got ${describe(this.value)}`);
    return otherwise;
  }

  requiredText(): string {
    if (!this.isGiven()) this.report('missing', 'expected a string, got nothing');
    return this.text('');
  }

  items(): readonly Reader[] {
    if (Array.isArray(this.value))
      return this.value.map((item, index) => new Reader(item, `${this.#path}[${index}]`, this.#problems));
    this.report('type', `expected a list, got ${describe(this.value)}`);
    return [];
  }

  texts(): readonly string[] {
    return Array.isArray(this.value) ? this.items().map((item) => item.requiredText()) : [];
  }

  address(): Address | null {
    if (!this.isGiven()) return null;
    const address = tryParseAddress(this.text(''));
    if (address === undefined) this.report('address', `expected an IPv4 or IPv6 address, got ${describe(this.value)}`);
    return address ?? null;
  }

  port(): number {
    const port = this.value;
    if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
    if (this.isGiven()) this.report('port', `expected a number from 1 to 65535, got ${describe(port)}`);
    else this.report('missing', 'expected a port number, got nothing');
    return 0;
  }

  #child(name: string, value: unknown): Reader {
    return new Reader(value, this.#path === '' ? name : `${this.#path}.${name}`, this.#problems);
  }
}

function describe(value: unknown): string {
  return Array.isArray(value) ? 'a list' : `\`${JSON.stringify(value)}\``;
}
