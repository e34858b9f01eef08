/** Renders a construct tree into files: one folder a namespace, prefixes that give the order of applying. */
import { ApiObject, type App } from 'cdk8s';
import { printYaml } from '#policies/language/print.ts';
import { compareText } from '../constructs/peer.ts';
import type { Environment } from '../environments/index.ts';
import { waveAnnotation, waveOf } from './argo-application.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** The files of one namespace in the order of applying. Workloads come last: nothing runs before it is closed. */
const files = {
  namespace: '00-namespace.yaml',
  accounts: '10-accounts.yaml',
  closed: '20-default-deny.yaml',
  policies: '30-policies.yaml',
  traffic: '40-traffic.yaml',
  services: '50-services.yaml',
  workloads: '60-workloads.yaml',
} as const;

const fileOfKind: Readonly<Record<string, string>> = {
  Namespace: files.namespace,
  ServiceAccount: files.accounts,
  Role: files.accounts,
  RoleBinding: files.accounts,
  PeerAuthentication: files.closed,
  AuthorizationPolicy: files.policies,
  RequestAuthentication: files.policies,
  NetworkPolicy: files.policies,
  Sidecar: files.traffic,
  VirtualService: files.traffic,
  DestinationRule: files.traffic,
  ServiceEntry: files.traffic,
  Gateway: files.traffic,
  Telemetry: files.traffic,
  ConfigMap: files.services,
  Service: files.services,
  Deployment: files.workloads,
  StatefulSet: files.workloads,
  PodDisruptionBudget: files.workloads,
  HorizontalPodAutoscaler: files.workloads,
};

function pathOf({ kind, metadata }: Manifest): string {
  const folder = metadata.namespace ?? metadata.name;
  const file = metadata.name === 'default-deny' ? files.closed : fileOfKind[kind];
  if (file === undefined) throw new Error(`kind \`${kind}\` has no place in the order of applying`);
  return `${folder}/${file}`;
}

const orderKey = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;

/** Every object of the tree, rendered, sorted by file, kind and name. */
export function manifests(app: App): readonly { readonly path: string; readonly value: Manifest }[] {
  return app.node
    .findAll()
    .filter((node) => ApiObject.isApiObject(node))
    .map((object) => object.toJson() as Manifest)
    .map((value) => ({ path: pathOf(value), value }))
    .sort(
      (left, right) => compareText(left.path, right.path) || compareText(orderKey(left.value), orderKey(right.value)),
    );
}

/** The text of every file by its path below `manifests/`: `trading/30-policies.yaml`; with waves where Argo CD delivers. */
export function manifestFiles(app: App, { delivery }: Environment): ReadonlyMap<string, string> {
  const texts = new Map<string, string[]>();
  for (const { path, value } of manifests(app)) {
    const delivered = delivery.kind === 'argoCd' ? withWave(value, path) : value;
    texts.set(path, [...(texts.get(path) ?? []), printYaml(delivered)]);
  }
  return new Map([...texts].map(([path, documents]) => [path, documents.join('---\n')]));
}

function withWave(value: Manifest, path: string): Manifest {
  const { metadata } = value;
  const wave = waveOf(path.slice(path.indexOf('/') + 1));
  return { ...value, metadata: { ...metadata, annotations: { ...metadata.annotations, [waveAnnotation]: wave } } };
}
