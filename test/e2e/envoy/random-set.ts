/** Seeded random policy sets and requests for the live differential: the meshes of the unit tests, made servable. */
import type { Draw } from '../../support/draw.ts';
import { ISSUERS, randomDocuments } from '../../support/random-mesh.ts';
import { randomRequest } from '../../support/random-request.ts';
import { isPolicy } from './control-plane.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import {
  oddHeaderValues,
  oddHosts,
  oddIdentities,
  oddPaths,
  oddPolicyValues,
  oddRemoteAddresses,
} from './odd-values.ts';
import type { RequestJson } from './request-json.ts';
import type { TokenMint } from './tokens.ts';

/** The settings of the mesh and the policies that are in force together. */
export interface PolicySet {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly policies: readonly KubernetesObject[];
}

/** Two issuers that have a key of their own. */
export const issuers: readonly string[] = ISSUERS.slice(0, 2);

// Ports above 1024 and addresses of loopback: anybody may bind them.
const isPort = (value: string | number) => ['50', '60', '70', '80', '90'].includes(String(value));
const loopback = (text: string) => (text.startsWith('10.') ? text.replace('10.', '127.') : text);

function servable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(servable);
  if (typeof value === 'number') return isPort(value) ? value * 100 : value;
  if (typeof value === 'string') return isPort(value) ? `${value}00` : loopback(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [isPort(name) ? `${name}00` : name, servable(member)]),
  );
}

const lowerFirst = (text: string) => `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
const positive = (field: string) => (/^not[A-Z]/.test(field) ? lowerFirst(field.slice(3)) : field);

/** Puts odd values in place of some drawn ones. */
function withOddValues(draw: Draw, value: unknown, field = ''): unknown {
  if (Array.isArray(value)) {
    const odd = oddPolicyValues[positive(field)];
    return value.map((item) =>
      typeof item === 'string'
        ? odd !== undefined && draw.chance(0.25)
          ? draw.of(odd)
          : item
        : withOddValues(draw, item),
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withOddValues(draw, member, name)]));
}

function withKeys(draw: Draw, policy: KubernetesObject, tokens: TokenMint): KubernetesObject {
  if (policy.kind !== 'RequestAuthentication') return policy;
  const spec = policy['spec'] as { readonly jwtRules: readonly { readonly issuer: string }[] };
  const jwtRules = spec.jwtRules.map((rule) => {
    const signer = draw.chance(0.1) ? draw.of(issuers) : rule.issuer;
    return { ...rule, jwks: JSON.stringify(tokens.jwks(signer)) };
  });
  return { ...policy, spec: { ...spec, jwtRules } };
}

/** One random set: any of the fields, operators and actions of the policy language, several policies at once. */
export function randomSet(draw: Draw, tokens: TokenMint): PolicySet {
  const objects = randomDocuments(draw).map(({ value }) => value as KubernetesObject);
  const map = objects.find(({ kind }) => kind === 'ConfigMap');
  const drawn = JSON.parse((map?.['data'] as { mesh?: string } | undefined)?.mesh ?? '{}');
  // No provider is there to be asked, so that a CUSTOM policy has one meaning; no filter of Istio's own build is needed.
  const settings = { ...drawn, extensionProviders: [], defaultProviders: {} };
  const policies = objects
    .filter(({ kind }) => isPolicy(kind))
    .map((policy) => servable(withOddValues(draw, policy)) as KubernetesObject)
    .map((policy) => withKeys(draw, policy, tokens))
    .sort((left, right) => (orderOf(left) < orderOf(right) ? -1 : 1));
  return { settings, policies };
}

const orderOf = ({ metadata }: KubernetesObject) => `${metadata.namespace}/${metadata.name}`;

type Source = RequestJson['source'] & { readonly sni: string };

/** What is drawn once a caller, so that several requests share its connection. */
function randomCaller(draw: Draw, drawn: RequestJson): Source {
  const { principal, workload } = drawn.source as {
    readonly principal?: string | readonly string[] | null;
    readonly workload?: { readonly namespace: string; readonly name: string };
  };
  const known = workload === undefined ? principal : `spiffe://td/ns/${workload.namespace}/sa/${workload.name}`;
  const names = known == null ? null : typeof known === 'string' ? [known] : known;
  const identity = names !== null && draw.chance(0.15) ? [draw.of(oddIdentities), ...names.slice(1)] : names;
  const ip = draw.of(['127.1.2.3', '127.1.2.3', '127.2.0.1', '127.192.0.1', '127.0.0.1']);
  return { principal: identity, ip, sni: identity === null ? '' : drawn.sni };
}

function randomHttp(draw: Draw, http: RequestJson['http']): RequestJson['http'] {
  if (http === null) return null;
  const host = http.host === '' || draw.chance(0.15) ? draw.of(oddHosts) : http.host;
  const path = draw.chance(0.35) ? draw.of(oddPaths) : http.path;
  const odd = draw.chance(0.15) ? { h: draw.some(oddHeaderValues, 3) } : {};
  const grpc = draw.chance(0.1) ? { 'content-type': ['application/grpc'] } : {};
  return { ...http, host, path, headers: { ...http.headers, ...odd, ...grpc } };
}

// `audience` is but a remark in a request: the audience in the claims decides.
const plainToken = (jwt: RequestJson['jwt']): RequestJson['jwt'] =>
  jwt?.invalid === 'audience' ? { claims: jwt.claims } : jwt;

/** Random requests of a few callers to a few ports; `ipOf` tells where a workload is served. */
export function randomRequests(
  draw: Draw,
  count: number,
  ipOf: (workload: { readonly namespace: string; readonly workload: string }) => string,
): readonly RequestJson[] {
  const next = (id: string) => randomRequest(draw, id) as RequestJson;
  const callers = Array.from({ length: 6 }, () => randomCaller(draw, next('caller')));
  const targets = Array.from({ length: 6 }, () => servable(next('target').destination) as RequestJson['destination']);
  return Array.from({ length: count }, (_, index) => {
    const drawn = next(`r${index}`);
    const { sni, ...caller } = draw.of(callers);
    const { namespace, workload, port } = draw.of(targets);
    const http = randomHttp(draw, drawn.http);
    const remoteIp = draw.chance(0.2) ? { remoteIp: draw.of(oddRemoteAddresses) } : {};
    const believed = http === null || draw.chance(0.5) ? {} : remoteIp;
    const destination = { namespace, workload, port, ip: ipOf({ namespace, workload }) };
    return {
      id: drawn.id,
      source: { ...caller, ...believed },
      destination,
      http,
      jwt: http === null ? null : plainToken(drawn.jwt),
      sni,
    };
  });
}
