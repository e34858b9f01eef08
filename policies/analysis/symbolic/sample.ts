/** Between requests and the atoms of a universe. */
import type { MeshConfig } from '../../language/mesh.ts';
import { readPath } from '../facts.ts';
import { normalizePath } from '../normalize.ts';
import type { Profile } from '../profile.ts';
import type { Address, Request, WorkloadReference } from '../request.ts';
import { metadataAt } from '../rules.ts';
import { type Verifier, valueAt } from '../token.ts';
import { tryWrittenText } from '../token-headers.ts';
import { addressText } from './address-variable.ts';
import type { CertificateTexts } from './certificate-variable.ts';
import type { Assignment } from './cheapest.ts';
import type { ClaimForms, ClaimValue } from './claim-variable.ts';
import { type Attribute, formsOf, METADATA_LIST, METADATA_TEXT, type Universe } from './universe.ts';

/** What requests mean besides their own words. */
export interface Reading {
  readonly config: MeshConfig;
  readonly profile: Profile;
  readonly verifiers: readonly Verifier[];
}

/** The atoms of a request whose caller shows a certificate or none. */
export function encodeRequest(universe: Universe, request: Request, reading: Reading): Assignment {
  const atoms = universe.levels.map(() => 0);
  for (const attribute of universe.attributes) {
    const found = encodeAttribute(attribute, request, { ...reading, query: universe.query, host: universe.host });
    found.forEach((atom, index) => {
      atoms[attribute.first + index] = atom;
    });
  }
  return atoms;
}

interface QueryReading extends Reading {
  readonly query: Universe['query'];
  readonly host: Universe['host'];
}

function encodeAttribute(attribute: Attribute, request: Request, reading: QueryReading): readonly number[] {
  switch (attribute.kind) {
    case 'address':
      return attribute.variable.encode(addressOf(attribute.name, request));
    case 'set':
      return attribute.variable.encode(elementsOf(attribute, request));
    case 'claim':
      return attribute.variable.encode(claimOf(attribute.name, request));
    case 'certificate':
      return attribute.variable.encode(certificateOf(request));
    case 'word':
      if (attribute.name === 'peer') {
        const certificate = certificateOf(request);
        return attribute.variable.encode(certificate === null ? null : (certificate.uris[0] ?? ''));
      }
      return attribute.variable.encode(wordOf(attribute.name, request, reading));
  }
}

function certificateOf({ caller }: Request): CertificateTexts | null {
  return caller.kind === 'mtls' ? { uris: caller.identities, names: caller.names ?? [] } : null;
}

function addressOf(name: string, request: Request): Address | null {
  if (name === 'destination') return request.destination.ip;
  return name === 'source' ? request.sourceIp : request.remoteIp;
}

/** The strings of a claim as policies see them, or of a header. */
function elementsOf(
  { name, reading }: Extract<Attribute, { kind: 'set' }>,
  request: Request,
): readonly string[] | null {
  const { http, token } = request;
  if (name.startsWith(METADATA_LIST)) {
    const set = metadataOf(name, request);
    return typeof set === 'object' ? set : [];
  }
  const [kind = '', rest = ''] = split(name);
  if (kind === 'header') return http?.headers.get(rest) ?? null;
  const value = valueAt(token?.claims ?? null, pathOf(name));
  if (typeof value === 'string') return reading === 'words' ? value.split(' ') : [value];
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : [];
}

/** What a filter set, for an attribute that is about it; undefined where nothing is set and of all other attributes. */
function metadataOf(name: string, { metadata = {} }: Request): string | readonly string[] | undefined {
  const [filter, key] = metadataKey(name) ?? ['', ''];
  return metadataAt(metadata, filter, key);
}

function metadataKey(name: string): readonly [string, string] | undefined {
  const prefix = [METADATA_TEXT, METADATA_LIST].find((each) => name.startsWith(each));
  return prefix === undefined ? undefined : (JSON.parse(name.slice(prefix.length)) as readonly [string, string]);
}

/** What a token holds at a claim's path; objects hold nothing that is read there. */
function claimOf(name: string, { token }: Request): ClaimValue {
  const value = valueAt(token?.claims ?? null, pathOf(name));
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (Array.isArray(value)) return { kind: 'list', elements: value.filter((each) => typeof each === 'string') };
  const text = tryWrittenText(value);
  return text === undefined ? { kind: 'list', elements: [] } : { kind: 'scalar', text };
}

const pathOf = (name: string) => JSON.parse(split(name)[1]) as readonly string[];

const split = (name: string): readonly [string, string] => [
  name.slice(0, name.indexOf(' ')),
  name.slice(name.indexOf(' ') + 1),
];

function wordOf(name: string, request: Request, { config, profile, query, host }: QueryReading): string | null {
  const { http, token } = request;
  switch (name) {
    case 'bytes':
      return http === null ? 'raw' : 'http';
    case 'method':
      return http?.method ?? 'GET';
    case 'path': {
      const path = readPath(http, config, profile);
      if (path.kind !== 'path') return null;
      return query === 'possible' ? path.pathAndQuery : path.path;
    }
    case 'host':
      return host === 'asSent' ? (http?.host ?? '') : (http?.host ?? '').toLowerCase();
    case 'sni':
      return request.sni;
    case 'token':
      return token === null ? 'none' : 'present';
    case 'fault':
      return token?.fault ?? 'none';
    case 'issuer': {
      const issuer = token?.claims['iss'];
      return typeof issuer === 'string' ? issuer : null;
    }
    default: {
      const set = metadataOf(name, request);
      if (set !== undefined || name.startsWith(METADATA_TEXT)) return typeof set === 'string' ? set : null;
      return http?.headers.get(split(name)[1])?.join(',') ?? null;
    }
  }
}

/** A request in the JSON form of `parseRequest`, members that do not matter left out. */
export type RequestJson = Readonly<Record<string, unknown>>;

/** The request of an assignment. Errors: throws when a path has no raw form, which would be a bug. */
export function decodeRequest(
  universe: Universe,
  assignment: Assignment,
  call: {
    readonly id: string;
    readonly destination: WorkloadReference & { readonly port: number };
    readonly reading: Reading;
  },
): RequestJson {
  const values = new Map(
    universe.attributes.map((attribute) => [attribute.name, decodeAttribute(attribute, assignment)]),
  );
  const text = (name: string, otherwise: string) => {
    const value = values.get(name);
    return typeof value === 'string' ? value : otherwise;
  };
  const address = (name: string) => values.get(name) as Address | null | undefined;
  const [source, remote, destination] = [address('source'), address('remote'), address('destination')];
  const speaksHttp = text('bytes', 'http') === 'http';
  return {
    id: call.id,
    source: {
      ...sourceOf(values.get('peer') ?? null),
      ...(source ? { ip: addressText(source) } : {}),
      ...(remote ? { remoteIp: addressText(remote) } : {}),
    },
    destination: { ...call.destination, ...(destination ? { ip: addressText(destination) } : {}) },
    http: speaksHttp
      ? {
          method: text('method', 'POST'),
          path: values.get('path') === null ? 'no-leading-slash' : rawPath(text('path', '/'), call.reading),
          host: text('host', ''),
          headers: headersOf(values),
        }
      : null,
    jwt: text('token', 'none') === 'present' ? tokenOf(values, text('fault', 'none')) : null,
    sni: text('sni', ''),
    ...metadataJson(values),
  };
}

type Value = string | readonly string[] | CertificateTexts | ClaimValue | Address | null;
type Values = ReadonlyMap<string, Value>;

/** One URI SAN, several of them with whatever else the certificate says, or no certificate. */
function sourceOf(peer: Value): object {
  if (peer === null || typeof peer === 'string' || !('uris' in peer)) return { principal: peer };
  const { uris, names } = peer;
  return { principal: uris.length === 1 ? uris[0] : uris, ...(names.length > 0 ? { dnsNames: names } : {}) };
}

function decodeAttribute(attribute: Attribute, assignment: Assignment): Value {
  const atoms = attribute.variable.levels.map((_, index) => assignment[attribute.first + index] ?? 0);
  return attribute.variable.decode(atoms);
}

/**
 * An object without a prototype: policies name headers and claims, and to write the member `__proto__` of another object
 * is to write into all objects of the program.
 */
const empty = (): Record<string, never> => Object.create(null);

function headersOf(values: Values): Readonly<Record<string, readonly string[]>> {
  const headers: Record<string, readonly string[]> = empty();
  for (const [name, value] of values) {
    if (!name.startsWith('header ') || value === null) continue;
    const texts = typeof value === 'string' ? [value] : (value as readonly string[]);
    if (texts.length > 0) headers[split(name)[1]] = texts;
  }
  return headers;
}

/** What filters must have set; nothing is said where it does not matter. */
function metadataJson(values: Values): object {
  const metadata: Record<string, Record<string, unknown>> = empty();
  for (const [name, value] of values) {
    const [filter, key] = metadataKey(name) ?? [];
    const isSet = typeof value === 'string' || (Array.isArray(value) && value.length > 0);
    if (filter === undefined || key === undefined || !isSet) continue;
    metadata[filter] = { ...metadata[filter], [key]: value };
  }
  return Object.keys(metadata).length === 0 ? {} : { metadata };
}

function tokenOf(values: Values, fault: string): object {
  const claims: Record<string, unknown> = empty();
  const issuer = values.get('issuer');
  if (typeof issuer === 'string') claims['iss'] = issuer;
  for (const [name, value] of values) {
    const made = name.startsWith('claim ') ? claimJson(value, formsOf(name)) : undefined;
    if (made !== undefined) place(claims, pathOf(name), made);
  }
  return fault === 'none' ? { claims } : { claims, invalid: fault };
}

/** A claim in JSON, undefined where nothing is there. */
function claimJson(value: Value, forms: ClaimForms): unknown {
  if (value === null || typeof value !== 'object' || 'uris' in value) return undefined;
  if ('kind' in value) {
    if (value.kind !== 'list') return value.kind === 'text' ? value.text : scalarOf(value.text);
    return value.elements.length === 0 ? undefined : value.elements;
  }
  const elements = value as readonly string[];
  if (elements.length === 0) return undefined;
  const isText = elements.length === 1 && (forms === 'text' || !String(elements[0]).includes(' '));
  return isText ? elements[0] : elements;
}

/** The number or boolean that is written as `text`: one that has more places than are written, where only such is. */
function scalarOf(text: string): number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  const value = Number(text);
  return [value, value + 1e-7, value - 1e-7].find((each) => tryWrittenText(each) === text) ?? value;
}

function place(claims: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) claims[key] = value;
  else {
    const inner = (claims[key] ?? empty()) as Record<string, unknown>;
    claims[key] = inner;
    place(inner, rest, value);
  }
}

/** A raw path that normalization turns into `path`: itself, or with what would be decoded escaped once more. */
function rawPath(pathAndQuery: string, { config, profile }: Reading): string {
  const [path = '', ...query] = pathAndQuery.split('?');
  const escaped = path
    .replace(/%([0-9a-fA-F])([0-9a-fA-F])/g, (_, one: string, two: string) => `%${hex(one)}${hex(two)}`)
    .replace(/(^|\/)(\.{1,2})(?=;)/g, (_, slash: string, dots: string) => slash + [...dots].map(hex).join(''));
  for (const candidate of [path, escaped]) {
    const raw = [candidate, ...query].join('?');
    const found = normalizePath(raw, config.pathNormalization, profile);
    if (found.kind === 'path' && found.pathAndQuery === pathAndQuery) return raw;
  }
  throw new Error(`no raw path becomes \`${pathAndQuery}\` under ${config.pathNormalization}`);
}

const hex = (character: string): string => `%${character.charCodeAt(0).toString(16)}`;
