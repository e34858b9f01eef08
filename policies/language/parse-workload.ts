/** Parses Namespaces, workloads and Services. */
import type {
  ApplicationProtocol,
  ContainerPort,
  Injection,
  Labels,
  Namespace,
  Protocol,
  Service,
  ServicePort,
  Workload,
} from './mesh.ts';
import { parseCapture, parseWaypointUse } from './parse-ambient.ts';
import { looseEndsOf } from './parse-confinement.ts';
import type { Cursor } from './parse-cursor.ts';
import { parseLabelSelector } from './parse-label-selector.ts';
import { parseNamed } from './parse-traffic.ts';
import { isUnsetTarget } from './port-name.ts';

/** Kinds that run pods, with the path from the document to the pod template. */
export const WORKLOAD_KINDS: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  Pod: [],
};

/** Parses a Namespace; its labels say whether sidecars are injected. */
export function parseNamespaceDocument(document: Cursor): Namespace {
  const metadata = document.get('metadata');
  const labels = metadata.get('labels').labels();
  const name = metadata.textOf('name');
  return { name, labels, injection: namespaceInjection(labels), at: document.place() };
}

function namespaceInjection(labels: Labels): Injection {
  const injection = labels['istio-injection'];
  if (injection === 'enabled') return 'on';
  if (injection === 'disabled') return 'off';
  return labels['istio.io/rev'] === undefined ? 'unstated' : 'on';
}

/** Parses a workload as its pod template. */
export function parseWorkload(document: Cursor, templatePath: readonly string[]): Workload {
  const template = document.get(...templatePath);
  const selector = document.get('spec', 'selector');
  const metadata = template.get('metadata');
  const labels = metadata.get('labels').labels();
  const annotations = metadata.get('annotations').labels();
  const spec = template.get('spec');
  const containers = spec.get('containers').items();
  const sharesNetwork = spec.get('hostNetwork').isTrue();
  return {
    kind: document.textOf('kind'),
    ...parseNamed(document),
    labels,
    ownPods: selector.isPresent() ? parseLabelSelector(selector) : { labels, expressions: [] },
    annotations,
    serviceAccount: spec.textOf('serviceAccountName') || spec.textOf('serviceAccount') || 'default',
    ports: [...spec.get('initContainers').items(), ...containers].flatMap(containerPorts),
    injection: sharesNetwork ? 'off' : podInjection(labels, annotations),
    proxy: isGatewayProxy(annotations, containers) ? 'gateway' : 'unstated',
    capture: sharesNetwork ? 'none' : parseCapture(labels),
    looseEnds: looseEndsOf(spec.value),
  };
}

/** The label wins over the annotation of the same name; an injection template means a gateway, which has a proxy. */
function podInjection(labels: Labels, annotations: Labels): Injection {
  const inject = labels['sidecar.istio.io/inject'] ?? annotations['sidecar.istio.io/inject'];
  if (inject === 'true') return 'on';
  if (inject === 'false') return 'off';
  return annotations['inject.istio.io/templates'] === undefined ? 'unstated' : 'on';
}

/** Sidecars are injected: a pod that names the proxy's container itself lays out a gateway. */
function isGatewayProxy(annotations: Labels, containers: readonly Cursor[]): boolean {
  const templates = annotations['inject.istio.io/templates'] ?? '';
  const isGateway = templates.split(',').some((name) => name.trim() === 'gateway');
  return isGateway || containers.some((each) => each.textOf('name') === 'istio-proxy');
}

function containerPorts(container: Cursor): readonly ContainerPort[] {
  return container
    .get('ports')
    .items()
    .map((port) => ({
      name: port.textOf('name'),
      number: port.get('containerPort').number() ?? 0,
      protocol: parseProtocol(port.textOf('protocol')),
    }));
}

/** Parses a transport protocol; TCP by default. */
export function parseProtocol(text: string): Protocol {
  return text === 'UDP' || text === 'SCTP' ? text : 'TCP';
}

/** Parses a Service. */
export function parseService(document: Cursor): Service {
  const spec = document.get('spec');
  const metadata = document.get('metadata');
  const labels = spec.get('selector').labels();
  return {
    ...parseNamed(document),
    selector: Object.keys(labels).length === 0 ? { kind: 'none' } : { kind: 'labels', labels },
    headless: spec.textOf('clusterIP') === 'None',
    waypoint: parseWaypointUse(metadata.get('labels').labels()),
    ports: spec.get('ports').items().map(parseServicePort),
    createdAt: metadata.textOf('creationTimestamp'),
  };
}

function parseServicePort(port: Cursor): ServicePort {
  const number = port.get('port').number() ?? 0;
  const target = port.get('targetPort');
  const targetNumber = isUnsetTarget(target) ? number : target.number();
  const transport = parseProtocol(port.textOf('protocol'));
  const name = port.textOf('name');
  return {
    name,
    number,
    target: targetNumber === null ? { kind: 'named', name: target.text() } : { kind: 'number', number: targetNumber },
    transport,
    protocol: applicationProtocol(port.textOf('appProtocol'), name, number),
  };
}

/** Source: istio `kube.ConvertProtocol`: appProtocol wins, then the name's prefix before the first `-`. */
function applicationProtocol(appProtocol: string, name: string, number: number): ApplicationProtocol {
  if (appProtocol !== '')
    return KUBERNETES_PROTOCOLS.get(appProtocol.toLowerCase()) ?? parseApplicationProtocol(appProtocol);
  if (UNSNIFFED_PORTS.has(number) && name === '') return 'tcp';
  const named = parseApplicationProtocol(
    name.toLowerCase().startsWith('grpc-web') ? 'grpc-web' : (name.split('-')[0] ?? ''),
  );
  return named === 'auto' && UNSNIFFED_PORTS.has(number) ? 'tcp' : named;
}

const KUBERNETES_PROTOCOLS: ReadonlyMap<string, ApplicationProtocol> = new Map([
  ['kubernetes.io/h2c', 'http2'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/wss', 'tcp'],
]);

/** Ports of server-speaks-first protocols, which Istio never sniffs: SMTP, DNS, MySQL, MongoDB. */
const UNSNIFFED_PORTS: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

const APPLICATION_PROTOCOLS: ReadonlyMap<string, ApplicationProtocol> = new Map([
  ['http', 'http'],
  ['http2', 'http2'],
  ['grpc', 'grpc'],
  ['grpc-web', 'grpc-web'],
  ['tcp', 'tcp'],
  ['https', 'tcp'],
  ['tls', 'tcp'],
  ['mongo', 'tcp'],
  ['mysql', 'tcp'],
  ['redis', 'tcp'],
]);

/** Parses a protocol by Istio's own name; what it does not know is sniffed. */
export function parseApplicationProtocol(text: string): ApplicationProtocol {
  return APPLICATION_PROTOCOLS.get(text.toLowerCase()) ?? 'auto';
}
