/** Schemas of the built-in kinds, as far as they are read; NetworkPolicy is complete. */
import { builtInObject, templateMeta } from './metadata.ts';
import {
  closed,
  filled,
  flag,
  list,
  numberOrText,
  oneOf,
  open,
  port,
  record,
  type Shape,
  text,
  whole,
} from './shape.ts';

/** A LabelSelector. */
export const labelSelector = closed({
  matchLabels: record(text()),
  matchExpressions: list(
    closed({ key: text(), operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(text()) }, [
      'key',
      'operator',
    ]),
  ),
});

const protocol = oneOf('TCP', 'UDP', 'SCTP');

const container = open(
  {
    name: filled,
    ports: list(open({ containerPort: port, name: text(), protocol }, ['containerPort'])),
  },
  ['name'],
);

const podSpec = open({
  containers: list(container),
  initContainers: list(container),
  serviceAccountName: text(),
  serviceAccount: text(),
  hostNetwork: flag,
});

const template = open({ metadata: templateMeta, spec: podSpec });
const templated = (required: readonly string[]): Shape =>
  builtInObject({ spec: open({ selector: labelSelector, template, replicas: whole({ minimum: 0 }) }, required) });

/** Deployment, StatefulSet, DaemonSet and ReplicaSet. */
export const workload: Shape = templated(['selector', 'template']);

/** Job. */
export const job: Shape = templated(['template']);

/** CronJob. */
export const cronJob: Shape = builtInObject({
  spec: open({ jobTemplate: open({ spec: open({ template }, ['template']) }, ['spec']) }, ['jobTemplate']),
});

/** Pod. */
export const pod: Shape = builtInObject({ spec: podSpec });

/** Namespace and other kinds of which only the metadata is read. */
export const metadataOnly: Shape = builtInObject({});

/** ServiceAccount. */
export const serviceAccount: Shape = builtInObject({ automountServiceAccountToken: flag });

/** ConfigMap. */
export const configMap: Shape = builtInObject({ data: record(text()), binaryData: record(text()), immutable: flag });

const servicePort = open(
  { name: text(), port, targetPort: numberOrText, protocol, appProtocol: text(), nodePort: whole() },
  ['port'],
);

/** Service. */
export const service: Shape = builtInObject({
  spec: open({
    selector: record(text()),
    ports: list(servicePort),
    clusterIP: text(),
    type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    externalName: text(),
  }),
});

const peer = closed({
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: closed({ cidr: text(), except: list(text()) }, ['cidr']),
});

const peerPorts = list(closed({ port: numberOrText, endPort: port, protocol }));

/** NetworkPolicy. */
export const networkPolicy: Shape = builtInObject({
  spec: closed({
    podSelector: labelSelector,
    policyTypes: list(oneOf('Ingress', 'Egress')),
    ingress: list(closed({ from: list(peer), ports: peerPorts })),
    egress: list(closed({ to: list(peer), ports: peerPorts })),
  }),
});
