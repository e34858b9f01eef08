/** The meshes and requests of the decision benchmark: one workload with N rules, each for one caller and two methods. */
import { PROFILES, parseRequest, type Request } from '#policies/analysis/index.ts';
import type { World } from '#policies/analysis/world.ts';
import type { SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';

const NAMESPACE = 'trading';

/** Which layers have something to decide: all of them, or AuthorizationPolicies alone. */
type Layers = 'all' | 'policies';

function documents(rules: number, layers: Layers): readonly object[] {
  const metadata = { namespace: NAMESPACE, name: 'execution' };
  const selector = { matchLabels: { app: 'execution' } };
  const security = { apiVersion: 'security.istio.io/v1' };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'istio-system', name: 'istio' },
      data: { mesh: 'trustDomain: td' },
    },
    {
      ...security,
      kind: 'PeerAuthentication',
      metadata: { namespace: 'istio-system', name: 'strict' },
      spec: { mtls: { mode: 'STRICT' } },
    },
    { ...security, kind: 'AuthorizationPolicy', metadata: { namespace: 'istio-system', name: 'nothing' }, spec: {} },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector,
        template: {
          metadata: { labels: { app: 'execution', 'sidecar.istio.io/inject': 'true' } },
          spec: { containers: [{ name: 'app', image: 'app:1' }] },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: 'execution' }, ports: [{ port: 50053, appProtocol: 'grpc' }] },
    },
    ...(layers === 'policies' ? [] : otherLayers(metadata, selector)),
    ...Array.from({ length: rules }, (_, index) => ({
      ...security,
      kind: 'AuthorizationPolicy',
      metadata: { namespace: NAMESPACE, name: `p${index}` },
      spec: { selector, rules: [ruleOf(index)] },
    })),
  ];
}

function otherLayers(metadata: object, selector: object): readonly object[] {
  return [
    {
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata,
      spec: { selector, jwtRules: [{ issuer: 'https://idp' }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      spec: {
        podSelector: selector,
        ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 50053 }] }],
      },
    },
  ];
}

function ruleOf(index: number): object {
  return {
    from: [{ source: { principals: [`td/ns/${NAMESPACE}/sa/caller-${index}`] } }],
    to: [
      {
        operation: {
          methods: ['POST'],
          paths: [`/pkg.Service${index}/Get`, `/pkg.Service${index}/Put`],
          ports: ['50053'],
        },
      },
    ],
  };
}

/** The world of one workload with that many ALLOW rules. */
export function newWorld(rules: number, layers: Layers = 'all'): World {
  return worldOf(documents(rules, layers));
}

/** The world of some objects. */
export function worldOf(objects: readonly object[]): World {
  const sources = objects.map(
    (value, index): SourceDocument => ({ file: 'bench.yaml', index, value, lineOf: () => 1 }),
  );
  const mesh = parseMesh(sources);
  if (!mesh.ok) throw new Error(mesh.problems.map(({ message }) => message).join('\n'));
  return { mesh: mesh.value, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
}

/** Requests from callers all over the rules: of every four, three are allowed and one asks for another's method. */
export function newRequests(rules: number, count: number): readonly Request[] {
  return Array.from({ length: count }, (_, index) => {
    const caller = (index * 7919) % rules;
    const method = index % 4 === 3 ? (caller + 1) % (rules + 1) : caller;
    const json = {
      id: String(index),
      source: { principal: `spiffe://td/ns/${NAMESPACE}/sa/caller-${caller}`, ip: '10.1.2.3' },
      destination: { namespace: NAMESPACE, workload: 'execution', port: 50053 },
      http: {
        method: 'POST',
        path: `/pkg.Service${method}/${index % 2 === 0 ? 'Get' : 'Put'}`,
        host: 'execution',
        headers: {},
      },
      jwt: { claims: { iss: 'https://idp', sub: 'u', scope: 'orders.write' } },
    };
    // as it comes from the wire: flat strings, no two of them shared
    const request = parseRequest(JSON.parse(JSON.stringify(json)));
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    return request.value;
  });
}
