/** Our own manifests before the real API server, the real translation and the real filters. */
import { type Cell, callOf, cellName, cells } from '#infra/local/matrix.ts';
import { type DeclaredIntent, isDeclared } from '#infra/local/meaning.ts';
import { userOf } from '#infra/local/verify.ts';
import { compile, keysOf, parseRequest } from '#policies/analysis/index.ts';
import type { SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { documentsOf, synthesized } from '../../support/synthesized.ts';
import { isPolicy } from './control-plane.ts';
import { describe, type KubernetesObject, namespaceOf } from './kubernetes-client.ts';
import type { Laboratory, Placed } from './laboratory.ts';
import type { Observation } from './observation.ts';
import { createPod, podOf } from './pods.ts';
import type { RequestJson } from './request-json.ts';
import { TokenMint, type TokenRequest } from './tokens.ts';

/** What one environment's manifests gave. */
export interface OwnResult {
  readonly environment: string;
  readonly objects: number;
  /** One line an object that the API server refused. */
  readonly refused: readonly string[];
  readonly workloads: number;
  readonly cells: number;
  readonly allowed: number;
  /** One line a cell on which Envoy, intent and engine are not of one mind. */
  readonly differences: readonly string[];
}

interface Applied {
  readonly stored: readonly KubernetesObject[];
  readonly refused: readonly string[];
}

async function apply({ server }: Laboratory, objects: readonly KubernetesObject[]): Promise<Applied> {
  const stored: KubernetesObject[] = [];
  const refused: string[] = [];
  const isNamespace = ({ kind }: KubernetesObject) => kind === 'Namespace';
  for (const object of objects.filter(isNamespace)) stored.push(await server.client.put(object));
  for (const object of objects.filter((each) => !isNamespace(each))) {
    const { status, body } = await server.client.create(object);
    if (status < 300) stored.push(body as KubernetesObject);
    else refused.push(`${describe(object)}: ${status}: ${(body as { message?: string }).message}`);
  }
  return { stored, refused };
}

const settingsOf = (documents: readonly SourceDocument[]): Readonly<Record<string, unknown>> => {
  const operator = documents.map(({ value }) => value as KubernetesObject).find(({ kind }) => kind === 'IstioOperator');
  return (operator?.['spec'] as { meshConfig?: Readonly<Record<string, unknown>> } | undefined)?.meshConfig ?? {};
};

function tokenOf({ token, method }: Cell, user: { issuer: string; audience: string }): TokenRequest | null {
  if (token === 'none') return null;
  const claims = {
    iss: user.issuer,
    sub: 'probe',
    aud: token === 'wrongAudience' ? 'another' : user.audience,
    scope: token === 'missingScope' ? 'none' : method.scope,
  };
  if (token === 'expired') return { claims, invalid: 'expired' };
  return token === 'wrongKey' ? { claims, invalid: 'signature' } : { claims };
}

function requestOf(cell: Cell, ip: string, intent: DeclaredIntent): RequestJson {
  const { method, caller } = cell;
  const host = `${method.callee}.${method.namespace}.svc.cluster.local`;
  const headers = method.protocol === 'grpc' ? { 'content-type': ['application/grpc'] } : {};
  const isPlain = caller.credential.kind === 'plaintext';
  return {
    id: cellName(cell),
    source: {
      principal: caller.credential.kind === 'plaintext' ? null : [caller.credential.spiffeId],
      ip: '127.0.0.1',
    },
    destination: { namespace: method.namespace, workload: method.callee, port: method.port, ip },
    http: method.http === null ? null : { ...method.http, host: `${host}:${method.port}`, headers },
    jwt: tokenOf(cell, userOf(intent)),
    sni: isPlain ? '' : `outbound_.${method.port}_._.${host}`,
  };
}

async function place(
  laboratory: Laboratory,
  objects: readonly KubernetesObject[],
  intent: DeclaredIntent,
  block: number,
) {
  const targets = new Map(
    cells(intent).map(({ method }) => [`${method.namespace}/${method.callee}`, new Set<number>()]),
  );
  for (const { method } of cells(intent)) targets.get(`${method.namespace}/${method.callee}`)?.add(method.port);
  const workloads = objects.filter(
    (each) =>
      ['Deployment', 'StatefulSet'].includes(each.kind) && targets.has(`${namespaceOf(each)}/${each.metadata.name}`),
  );
  const pods = workloads.map((workload, index) => ({
    name: `${namespaceOf(workload)}/${workload.metadata.name}`,
    pod: podOf(workload),
    ip: `127.10.${block}.${index + 1}`,
  }));
  for (const { pod, ip } of pods) await createPod(laboratory.server.client, pod, ip);
  return pods.map(({ name, pod, ip }) => ({ name, pod, ip, ports: [...(targets.get(name) ?? [])] }));
}

/** Applies one environment, probes every cell of the matrix, and compares Envoy with intent and engine. */
export async function runOwnManifests(laboratory: Laboratory, environment: string, block: number): Promise<OwnResult> {
  const tokens = await TokenMint.create(['differential']);
  const files = await synthesized(environment, { jwks: JSON.stringify(tokens.jwks('differential')) });
  const intent = JSON.parse(files.get('intent.json') ?? 'null') as DeclaredIntent;
  const documents = documentsOf(files);
  // What a mesh is installed from, and what delivers the manifests, lies beside them and has readers of its own.
  const manifests = new Map([...files].filter(([path]) => path.startsWith('manifests/')));
  const objects = documentsOf(manifests).map(({ value }) => value as KubernetesObject);
  const mesh = JSON.stringify({ ...settingsOf(documents), defaultProviders: {} });
  const { client } = laboratory.server;
  await client.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { mesh },
  });
  const { stored, refused } = await apply(laboratory, objects);
  const pods = await place(laboratory, objects, intent, block);
  const policies = stored.filter(({ kind }) => isPolicy(kind));
  await laboratory.plane.converge(policies, (shown) => shown['trustDomain'] === intent.trustDomain);
  const placed: Placed[] = [];
  for (const { pod, ip, ports } of pods) placed.push({ listener: await laboratory.fetch(pod, ip), ip, ports });
  const addresses = new Map(pods.map(({ name, ip }) => [name, ip]));
  const probes = cells(intent).map((cell) => {
    const request = requestOf(cell, addresses.get(`${cell.method.namespace}/${cell.method.callee}`) ?? '', intent);
    return {
      cell,
      request,
      validity: cell.caller.credential.kind === 'expired' ? ('expired' as const) : ('valid' as const),
    };
  });
  const driver = { tokens, carriesHttp: () => true, repeats: 'sent' } as const;
  const observed = await laboratory.observe(placed, driver, probes, intent.trustDomain);
  const removed = [...stored.filter(({ kind }) => kind !== 'Namespace'), ...pods.map(({ pod }) => pod)];
  for (const object of removed) await client.remove(object);
  const opinions = opinionsOn(documents, intent, tokens);
  const differences = probes.flatMap(({ cell, request }, index) => opinions(cell, request, observed[index]));
  const allowed = observed.filter((seen) => seen?.verdict === 'allow').length;
  return {
    environment,
    objects: objects.length,
    refused,
    workloads: pods.length,
    cells: probes.length,
    allowed,
    differences,
  };
}

function opinionsOn(documents: readonly SourceDocument[], intent: DeclaredIntent, tokens: TokenMint) {
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  const user = userOf(intent);
  const issuerKeys = new Map([[user.issuer, keysOf(tokens.jwks(user.issuer))]]);
  const decider = compile(mesh.value, undefined, { issuerKeys });
  return (cell: Cell, json: RequestJson, seen: Observation | null | undefined): readonly string[] => {
    const isIdentity = cell.caller.credential.kind === 'svid';
    const intended = isIdentity && isDeclared(intent, callOf(cell, user)) ? 'allow' : 'deny';
    const request = parseRequest(json);
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    // The engine knows certificates, not clocks: an expired one is the transport's business alone.
    const { namespace, callee } = cell.method;
    // Of the layers, this proxy is under test: not the NetworkPolicies in front of it.
    const proxy = decider.forWorkload({ namespace, workload: callee });
    const isExpired = cell.caller.credential.kind === 'expired';
    const decided = isExpired || !proxy.decide(request.value).allowed ? 'deny' : 'allow';
    const reached = isIdentity || seen?.layer === 'peer-authentication';
    return seen?.verdict === intended && decided === intended && reached
      ? []
      : [`${json.id}: Envoy ${JSON.stringify(seen)}, intent ${intended}, decide ${decided}`];
  };
}
