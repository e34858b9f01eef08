import { describe, expect, test } from 'vitest';
import { isAmbient } from '#policies/analysis/ambient/capture.ts';
import { entrancesOf, identityOf } from '#policies/analysis/ambient/waypoints.ts';
import { compile, parseRequest } from '#policies/analysis/index.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { meshConfigYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const object = (apiVersion: string, kind: string, metadata: object, spec: object = {}) =>
  JSON.stringify({ apiVersion, kind, metadata, spec });
const namespace = (name: string, labels: object) => object('v1', 'Namespace', { name, labels });
const service = (labels: object, more: object = {}) =>
  object(
    'v1',
    'Service',
    { name: 'front', namespace: 'a', labels },
    { selector: { app: 'x' }, ports: [{ port: 8000, targetPort: 80, appProtocol: 'http' }], ...more },
  );
const gateway = (metadata: object, namespaces?: object) =>
  object(
    'gateway.networking.k8s.io/v1',
    'Gateway',
    { name: 'way', namespace: 'a', ...metadata },
    {
      gatewayClassName: 'istio-waypoint',
      listeners: [
        { name: 'mesh', port: 15008, protocol: 'HBONE', ...(namespaces ? { allowedRoutes: { namespaces } } : {}) },
      ],
    },
  );
const waypointClass = (traffic: string) =>
  object(
    'gateway.networking.k8s.io/v1',
    'GatewayClass',
    { name: 'istio-waypoint', labels: { 'istio.io/waypoint-for': traffic } },
    { controllerName: 'istio.io/mesh-controller' },
  );
const entry = (leads: object, labels: object = {}) =>
  object(
    'networking.istio.io/v1',
    'ServiceEntry',
    { name: 'entry', namespace: 'a', labels },
    {
      hosts: ['x.example'],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [{ number: 9000, targetPort: 80, name: 'web', protocol: 'HTTP' }],
      ...leads,
    },
  );
const AMBIENT = { 'istio.io/dataplane-mode': 'ambient' };
const USE = { 'istio.io/use-waypoint': 'way' };
const OF_B = { ...USE, 'istio.io/use-waypoint-namespace': 'b' };
const inB = (namespaces?: object, labels: object = {}) => gateway({ namespace: 'b', labels }, namespaces);
const waypointFor = (traffic: string) => gateway({ labels: { 'istio.io/waypoint-for': traffic } });

function meshOf(texts: readonly string[], labels: object = AMBIENT): Mesh {
  const all = [meshConfigYaml({}), namespace('a', { team: 'a', ...labels }), workloadYaml('a', 'x', 'false'), ...texts];
  const { documents, problems } = readDocuments('mesh.yaml', all.join('\n---\n'));
  const mesh = parseMesh(documents);
  if (!mesh.ok || problems.length > 0) throw new Error(JSON.stringify([problems, mesh]));
  return mesh.value;
}

/** The ports under which waypoints see port 80 of `a/x`. */
function seenPorts(texts: readonly string[], labels?: object): readonly number[] {
  const mesh = meshOf(texts, labels);
  const [workload] = mesh.workloads;
  if (workload === undefined) throw new Error('no workload');
  return entrancesOf(mesh, workload, 80).map(({ port }) => port);
}

interface Row {
  readonly what: string;
  readonly texts: readonly string[];
  readonly labels?: object;
  readonly ports: readonly number[];
  readonly because: string;
}

const ROWS: readonly Row[] = [
  {
    what: 'the label of the Service',
    texts: [gateway({}), service(USE)],
    ports: [8000],
    because: 'the waypoint sees the port of the Service',
  },
  {
    what: 'the label of the namespace',
    texts: [gateway({}), service({})],
    labels: { ...AMBIENT, ...USE },
    ports: [8000, 80],
    because: 'every Service of the namespace is behind it',
  },
  {
    what: 'a Service that wants none',
    texts: [gateway({}), service({ 'istio.io/use-waypoint': 'none' })],
    labels: { ...AMBIENT, ...USE },
    ports: [80],
    because: 'its own word wins, and the other Service stays',
  },
  { what: 'a waypoint that is not there', texts: [service(USE)], ports: [], because: 'a label makes no proxy' },
  {
    what: 'a Gateway of another class',
    texts: [gateway({}).replace('istio-waypoint', 'istio'), service(USE)],
    ports: [],
    because: 'it is no waypoint',
  },
  {
    what: 'a headless Service',
    texts: [gateway({}), service(USE, { clusterIP: 'None' })],
    ports: [],
    because: 'its address is that of the pod',
  },
  {
    what: 'a waypoint of another namespace',
    texts: [inB(), service(OF_B)],
    ports: [],
    because: 'it is for its own namespace alone',
  },
  {
    what: 'one that is for all namespaces',
    texts: [inB({ from: 'All' }), service(OF_B)],
    ports: [8000],
    because: 'its listener lets all namespaces use it',
  },
  {
    what: 'one for namespaces of a team',
    texts: [inB({ from: 'Selector', selector: { matchLabels: { team: 'a' } } }), service(OF_B)],
    ports: [8000],
    because: 'the labels of the namespace are selected',
  },
  {
    what: 'one for another team',
    texts: [inB({ from: 'Selector', selector: { matchLabels: { team: 'b' } } }), service(OF_B)],
    ports: [],
    because: 'the labels of the namespace are not selected',
  },
  {
    what: 'a waypoint for pods',
    texts: [waypointFor('workload'), service(USE)],
    ports: [],
    because: 'calls to Services do not go through it',
  },
  {
    what: 'a namespace with a waypoint for pods',
    texts: [waypointFor('workload')],
    labels: { ...AMBIENT, ...USE },
    ports: [80],
    because: 'calls to the pod do, on its own port',
  },
  {
    what: 'a waypoint for all',
    texts: [waypointFor('all')],
    labels: { ...AMBIENT, ...USE },
    ports: [80, 80],
    because: 'calls to the Service and to the pod both do',
  },
  {
    what: 'a class of waypoints for pods',
    texts: [gateway({}), waypointClass('workload')],
    labels: { ...AMBIENT, ...USE },
    ports: [80],
    because: 'the label of the class counts where the Gateway has none',
  },
  {
    what: 'a class whose Gateway says otherwise',
    texts: [waypointFor('service'), waypointClass('workload'), service(USE)],
    ports: [8000],
    because: 'the word of the Gateway wins',
  },
  {
    what: 'a class of other Gateways',
    texts: [gateway({}), waypointClass('workload').replace('istio-waypoint', 'other'), service(USE)],
    ports: [8000],
    because: 'it is not theirs',
  },
  {
    what: 'a ServiceEntry that leads to the pods',
    texts: [gateway({}), entry({ workloadSelector: { labels: { app: 'x' } } }, USE)],
    ports: [9000],
    because: 'calls to its host go through its waypoint',
  },
  {
    what: 'a ServiceEntry of a namespace with a waypoint',
    texts: [gateway({}), entry({ workloadSelector: { labels: { app: 'x' } } })],
    labels: { ...AMBIENT, ...USE },
    ports: [9000, 80],
    because: 'it is behind the waypoint of its namespace, as the Service is',
  },
  {
    what: 'a ServiceEntry that leads to other pods',
    texts: [gateway({}), entry({ workloadSelector: { labels: { app: 'y' } } }, USE)],
    ports: [],
    because: 'its host does not lead here',
  },
  { what: 'a waypoint for nothing', texts: [waypointFor('none'), service(USE)], ports: [], because: 'it says so' },
];

describe('waypoints', () => {
  test.for(ROWS)('$what: $ports, since $because', ({ texts, labels, ports }) => {
    expect([...seenPorts(texts, labels)].toSorted((left, right) => right - left)).toEqual(ports);
  });

  test.for([
    { what: 'is named after the Gateway', metadata: {}, account: 'way' },
    {
      what: 'is the one of the annotation',
      metadata: { annotations: { 'gateway.istio.io/service-account': 'edge' } },
      account: 'edge',
    },
  ])('the account $what', ({ metadata, account }) => {
    const mesh = meshOf([gateway(metadata)]);
    expect(mesh.waypoints.map((waypoint) => identityOf(mesh, waypoint))).toEqual([`spiffe://td/ns/a/sa/${account}`]);
  });

  test('the account is that of the pods where the manifests hold them', () => {
    const pods = workloadYaml('a', 'edge').replace(
      'app: edge, sidecar',
      'gateway.networking.k8s.io/gateway-name: way, sidecar',
    );
    const mesh = meshOf([gateway({}), pods]);
    expect(mesh.waypoints.map((waypoint) => identityOf(mesh, waypoint))).toEqual(['spiffe://td/ns/a/sa/edge']);
  });

  describe('a ServiceEntry behind a waypoint', () => {
    const policy = (name: string, spec: object) =>
      object('security.istio.io/v1', 'AuthorizationPolicy', { name, namespace: 'a' }, spec);
    const sole = policy('sole', {
      selector: { matchLabels: { app: 'x' } },
      rules: [{ from: [{ source: { principals: ['td/ns/a/sa/way'] } }] }],
    });
    const attached = (kind: string, group: string, name: string, path: string) =>
      policy(kind.toLowerCase(), {
        targetRefs: [{ kind, group, name }],
        rules: [{ to: [{ operation: { paths: [path] } }] }],
      });
    const through = [gateway({}), service(USE), sole, attached('Service', '', 'front', '/service')];
    const entries = [...through, entry({ workloadSelector: { labels: { app: 'x' } } }, USE)];
    const decided = (texts: readonly string[], path: string) => {
      const request = parseRequest({
        source: { principal: 'spiffe://td/ns/b/sa/caller' },
        destination: { namespace: 'a', workload: 'x', port: 80 },
        http: { method: 'GET', path },
      });
      if (!request.ok) throw new Error(JSON.stringify(request.problems));
      return compile(meshOf(texts)).decide(request.value);
    };

    test('is a way in beside the Service, with the policies that are attached to it', () => {
      expect(decided(through, '/other').allowed).toBe(false);
      expect(decided(entries, '/other').allowed).toBe(true);
      const guarded = [...entries, attached('ServiceEntry', 'networking.istio.io', 'entry', '/entry')];
      expect(['/service', '/entry', '/other'].map((path) => decided(guarded, path).allowed)).toEqual([
        true,
        true,
        false,
      ]);
    });

    test('that writes addresses out is an assumption: nobody says whose pods they are', () => {
      const { assumptions } = decided([...through, entry({ endpoints: [{ address: '10.0.0.7' }] }, USE)], '/service');
      expect(assumptions).toContain('no endpoint of ServiceEntry `a/entry` behind waypoint `a/way` is a pod of `a/x`');
    });
  });

  test('a pod that a Gateway of Istio selects has a proxy of its own', () => {
    const selecting = object(
      'networking.istio.io/v1',
      'Gateway',
      { name: 'g', namespace: 'a' },
      { selector: { app: 'x' }, servers: [] },
    );
    const [plain, selected] = [meshOf([]), meshOf([selecting])];
    const captured = [plain, selected].map((mesh) => mesh.workloads.map((workload) => isAmbient(mesh, workload)));
    expect(captured).toEqual([[true], [false]]);
  });
});
