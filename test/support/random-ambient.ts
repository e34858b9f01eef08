/** Seeded random meshes in ambient: those of `random-mesh.ts` with captured namespaces and pods, waypoints and targetRefs. */
import type { SourceDocument } from '#policies/language/document.ts';
import type { Draw } from './draw.ts';
import { randomDocuments } from './random-mesh.ts';

interface Labelled {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly labels?: object };
  readonly spec?: {
    readonly targetRefs?: unknown;
    readonly selector?: unknown;
    readonly template?: { readonly metadata: { readonly labels: object } };
  };
}

const TARGETS = [
  { kind: 'Service', group: '', name: 'x' },
  { kind: 'Service', group: '', name: 'z' },
  { kind: 'ServiceEntry', group: 'networking.istio.io', name: 'entry' },
  { kind: 'Gateway', group: 'gateway.networking.k8s.io', name: 'way' },
  { kind: 'GatewayClass', group: 'gateway.networking.k8s.io', name: 'istio-waypoint' },
];

function useWaypoint(draw: Draw): object {
  return {
    ...draw.maybe(0.5, 'istio.io/use-waypoint', () => draw.of(['way', 'way', 'none', 'gone'])),
    ...draw.maybe(0.3, 'istio.io/use-waypoint-namespace', () => draw.of(['a', 'b'])),
  };
}

const capture = (draw: Draw, probability: number): object =>
  draw.maybe(probability, 'istio.io/dataplane-mode', () => draw.of(['ambient', 'ambient', 'none']));

function waypoint(draw: Draw, namespace: string): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: {
      namespace,
      name: 'way',
      labels: draw.maybe(0.5, 'istio.io/waypoint-for', () => draw.of(['service', 'workload', 'all', 'none'])),
    },
    spec: {
      gatewayClassName: draw.of(['istio-waypoint', 'istio-waypoint', 'istio-waypoint', 'istio']),
      listeners: [
        {
          name: 'mesh',
          port: 15_008,
          protocol: 'HBONE',
          ...draw.maybe(0.5, 'allowedRoutes', () => ({
            namespaces: draw.of<object>([
              { from: 'All' },
              { from: 'Selector', selector: { matchLabels: { team: 'a' } } },
            ]),
          })),
        },
      ],
    },
  };
}

/** A host of its own that leads to pods of a namespace, or to addresses. */
function entry(draw: Draw, namespace: string): object {
  const ports = draw.some(
    [
      { number: 8000, name: 'http', protocol: 'HTTP', targetPort: 80 },
      { number: 70, name: 'tcp', protocol: 'TCP' },
      { number: 9000, name: 'any', protocol: draw.of(['', 'GRPC']), targetPort: 80 },
    ],
    2,
  );
  const leads = draw.chance(0.8)
    ? { workloadSelector: { labels: { app: draw.of(['x', 'y', 'z']) } } }
    : { endpoints: [{ address: '10.9.9.9' }] };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { namespace, name: 'entry', labels: useWaypoint(draw) },
    spec: { hosts: [`entry.${namespace}.example`], ports, location: 'MESH_INTERNAL', resolution: 'STATIC', ...leads },
  };
}

/** The class of waypoints, whose label counts for Gateways without one. */
const waypointClass = (draw: Draw): object => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: 'istio-waypoint', labels: { 'istio.io/waypoint-for': draw.of(['service', 'workload', 'all']) } },
  spec: { controllerName: 'istio.io/mesh-controller' },
});

/** A rule that lets waypoints in, which random rules hardly ever do. */
const letsWaypointsIn = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { namespace: 'istio-system', name: 'waypoints' },
  spec: { rules: [{ from: [{ source: { principals: ['td/ns/a/sa/way', 'td/ns/b/sa/way'] } }] }] },
};

/** Deploys one object into ambient. */
function intoAmbient(draw: Draw, object: Labelled): object {
  const { metadata, spec = {} } = object;
  const relabelled = (more: object) => ({
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, ...more } },
  });
  switch (object.kind) {
    case 'Service':
      return relabelled(useWaypoint(draw));
    case 'Deployment': {
      const template = spec.template ?? { metadata: { labels: {} } };
      const labels = { ...template.metadata.labels, ...capture(draw, 0.3), ...draw.of([{}, useWaypoint(draw)]) };
      return { ...object, spec: { ...spec, template: { ...template, metadata: { ...template.metadata, labels } } } };
    }
    case 'AuthorizationPolicy':
    case 'RequestAuthentication': {
      if (!draw.chance(0.5)) return object;
      const { selector: _, ...rest } = spec;
      return { ...object, spec: { ...rest, targetRefs: draw.some(TARGETS, 2) } };
    }
    default:
      return object;
  }
}

/** The documents of one random mesh of which much is ambient. */
export function randomAmbientDocuments(draw: Draw): readonly SourceDocument[] {
  const values = randomDocuments(draw)
    .map(({ value }) => value as Labelled)
    .filter(({ kind }) => kind !== 'Namespace')
    .map((object) => intoAmbient(draw, object));
  const namespaces = ['a', 'b'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { team: name, ...capture(draw, 0.8), ...useWaypoint(draw) } },
  }));
  const all = [
    ...values,
    ...namespaces,
    ...(draw.chance(0.8) ? [waypoint(draw, 'a')] : []),
    ...(draw.chance(0.6) ? [waypoint(draw, 'b')] : []),
    ...(draw.chance(0.6) ? [letsWaypointsIn] : []),
    ...(draw.chance(0.4) ? [entry(draw, 'a')] : []),
    ...(draw.chance(0.2) ? [entry(draw, 'b')] : []),
    ...(draw.chance(0.3) ? [waypointClass(draw)] : []),
  ];
  return all.map((value, index) => ({ file: 'random.yaml', index, value, lineOf: () => 1 }));
}
