import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import type { Change, Mutant } from '#policies/analysis/mutate/mutant.ts';
import { type MutationInput, mutate } from '#policies/analysis/mutate/mutate.ts';
import type { Mutation } from '#policies/analysis/mutate/mutation.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

/** Two callees and two callers of one namespace under every kind of object that an operator changes. */
const MUTABLE_MESH = [
  JSON.stringify({
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    metadata: { name: 'm', namespace: 'istio-system' },
    spec: { meshConfig: { trustDomain: 'td', outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } },
  }),
  '{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {istio-injection: enabled, pod-security.kubernetes.io/enforce: restricted}}}',
  '{apiVersion: v1, kind: ServiceAccount, metadata: {name: x, namespace: a}, automountServiceAccountToken: false}',
  workloadYaml('a', 'x'),
  workloadYaml('a', 'y'),
  workloadYaml('b', 'z'),
  '{apiVersion: v1, kind: Service, metadata: {name: x-by-another-port, namespace: a}, spec: {selector: {app: x}, ports: [{port: 8081, targetPort: 80, appProtocol: http}]}}',
  '{apiVersion: spire.spiffe.io/v1alpha1, kind: ClusterSPIFFEID, metadata: {name: mesh}, spec: {spiffeIDTemplate: "spiffe://td/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}", podSelector: {matchLabels: {mesh: td}}}}',
  securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }),
  securityYaml('AuthorizationPolicy', 'istio-system', {}, 'default-deny'),
  securityYaml('AuthorizationPolicy', 'a', {}, 'default-deny'),
  securityYaml('AuthorizationPolicy', 'a', {
    selector: { matchLabels: { app: 'x' } },
    rules: [
      {
        from: [{ source: { principals: ['td/ns/a/sa/y'], requestPrincipals: ['iss/*'] } }],
        to: [{ operation: { methods: ['POST'], paths: ['/s.S/Get', '/s.S/{*}/part'], ports: ['80'], hosts: ['x.a'] } }],
        when: [
          { key: 'request.auth.claims[scope]', values: ['read'] },
          { key: 'request.headers[tier]', values: ['gold'] },
        ],
      },
      {
        from: [{ source: { principals: ['td/ns/b/sa/z'] } }],
        to: [{ operation: { methods: ['GET'], paths: ['/health'] } }],
      },
    ],
  }),
  securityYaml('AuthorizationPolicy', 'b', {
    selector: { matchLabels: { app: 'z' } },
    rules: [
      {
        from: [{ source: { namespaces: ['a'] } }, { source: { ipBlocks: ['10.0.0.0/8'] } }],
        to: [{ operation: { paths: ['/z'], ports: ['80'] } }],
      },
    ],
  }),
  securityYaml('RequestAuthentication', 'a', {
    selector: { matchLabels: { app: 'x' } },
    jwtRules: [{ issuer: 'iss', audiences: ['aud'], jwksUri: 'https://iss/jwks', outputPayloadToHeader: 'x-payload' }],
  }),
  networkingYaml('NetworkPolicy', 'a', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }, 'default-deny'),
  networkingYaml('NetworkPolicy', 'a', {
    podSelector: { matchLabels: { app: 'x' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'y' } } }], ports: [{ port: 80, protocol: 'TCP' }] }],
  }),
  networkingYaml(
    'NetworkPolicy',
    'a',
    {
      podSelector: { matchLabels: { app: 'y' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: { matchLabels: { app: 'x' } } }], ports: [{ port: 80, protocol: 'TCP' }] }],
    },
    'y',
  ),
  networkingYaml('Sidecar', 'a', {
    workloadSelector: { labels: { app: 'y' } },
    egress: [{ hosts: ['a/x.a.svc.cluster.local', 'b/z.b.svc.cluster.local'] }],
  }),
  networkingYaml('DestinationRule', 'a', { host: 'x.a.svc.cluster.local' }),
  '{apiVersion: v1, kind: Namespace, metadata: {name: c, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way}}}',
  '{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: way, namespace: c}, spec: {gatewayClassName: istio-waypoint}}',
  workloadYaml('c', 'w', 'false'),
  securityYaml('AuthorizationPolicy', 'c', {
    selector: { matchLabels: { app: 'w' } },
    rules: [{ from: [{ source: { principals: ['td/ns/c/sa/way'] } }], to: [{ operation: { ports: ['80'] } }] }],
  }),
  securityYaml(
    'AuthorizationPolicy',
    'c',
    {
      targetRefs: [{ group: '', kind: 'Service', name: 'w' }],
      rules: [
        {
          from: [{ source: { principals: ['td/ns/b/sa/z'] } }],
          to: [{ operation: { methods: ['GET'], paths: ['/w'] } }],
        },
      ],
    },
    'w',
  ),
];

/** The documents of the mesh. */
export const documents = readAll();

function readAll(): readonly SourceDocument[] {
  const reading = readDocuments('mesh.yaml', MUTABLE_MESH.join('\n---\n'));
  if (reading.problems.length > 0) throw new Error(JSON.stringify(reading.problems));
  return reading.documents;
}

/** Parses a whole mesh; throws where it is refused. */
export function parsedMesh(documents: readonly SourceDocument[]): Mesh {
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(mesh.problems.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  return mesh.value;
}

/** Everything that `mutate` needs. */
export function inputOf(more: Partial<MutationInput> = {}): MutationInput {
  return {
    mesh: parsedMesh(documents),
    documents,
    parseOptions: {},
    issuerKeys: new Map(),
    intent: null,
    profile: PROFILES['istio-1.31'],
    on: '2026-11-27',
    limit: null,
    pairs: 0,
    seed: 1,
    ...more,
  };
}

/** Mutates the mesh once for a whole file of tests. */
export function mutated(more: Partial<MutationInput> = {}): Mutation {
  return mutate(inputOf(more));
}

/** The documents with a mutant's changes, made here anew: whoever proves must not be the one who is tried. */
export function applied(mutant: Mutant): readonly SourceDocument[] {
  let all = [...documents];
  for (const change of mutant.changes()) all = [...one(all, change)];
  return all;
}

function one(all: readonly SourceDocument[], change: Change): readonly SourceDocument[] {
  switch (change.kind) {
    case 'drop':
      return all.filter((document) => document !== change.document);
    case 'rewrite':
      return all.map((document) =>
        document === change.document ? { ...document, value: change.value, lineOf: () => 1 } : document,
      );
    case 'add':
      return [...all, { file: 'added.yaml', index: 0, value: change.value, lineOf: () => 1 }];
  }
}

/** Decides requests in the form of `decide`. */
export function decider(mesh: Mesh): (request: unknown) => boolean {
  const compiled = compile(mesh);
  return (json) => {
    const parsed = parseRequest(JSON.parse(JSON.stringify(json)));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    return compiled.decide(parsed.value).allowed;
  };
}
