/** Pod Security `restricted`, and what manifest scanners ask for, on every object that runs pods. */
import { describe, expect, test } from 'vitest';
import { environments } from '#infra/environments/index.ts';
import { catalog } from '#services/catalog.ts';
import { at, listAt, type ManifestObject, objectsOf, walk } from '../../../support/manifest-object.ts';
import { synthesized } from '../../../support/synthesized.ts';

type Fault = (object: ManifestObject, pod: unknown) => boolean;

const containersOf = (pod: unknown): readonly unknown[] => [
  ...listAt(pod, 'initContainers'),
  ...listAt(pod, 'containers'),
];
const someContainer =
  (fault: (container: unknown) => boolean): Fault =>
  (_object, pod) =>
    containersOf(pod).some(fault);

/** Volume kinds that Pod Security `restricted` permits. */
const permittedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

const restricted: readonly { readonly title: string; readonly fault: Fault }[] = [
  {
    title: 'shares no namespace of the node',
    fault: (_, pod) => ['hostNetwork', 'hostPID', 'hostIPC'].some((field) => at(pod, field) === true),
  },
  {
    title: 'opens no port of the node',
    fault: someContainer((container) => listAt(container, 'ports').some((port) => at(port, 'hostPort') !== undefined)),
  },
  {
    title: 'mounts permitted volumes only',
    fault: (_, pod) =>
      listAt(pod, 'volumes').some((volume) => !permittedVolumes.some((kind) => at(volume, kind) !== undefined)),
  },
  {
    title: 'runs unprivileged',
    fault: someContainer((container) => at(container, 'securityContext', 'privileged') !== false),
  },
  {
    title: 'cannot gain privileges',
    fault: someContainer((container) => at(container, 'securityContext', 'allowPrivilegeEscalation') !== false),
  },
  {
    title: 'drops every capability and adds none',
    fault: someContainer(
      (container) =>
        listAt(container, 'securityContext', 'capabilities', 'drop').join() !== 'ALL' ||
        at(container, 'securityContext', 'capabilities', 'add') !== undefined,
    ),
  },
  {
    title: 'runs under the default seccomp profile',
    fault: (_, pod) =>
      [pod, ...containersOf(pod)].some(
        (part) => at(part, 'securityContext', 'seccompProfile', 'type') !== 'RuntimeDefault',
      ),
  },
  {
    title: 'runs as a user above 10000, or says why not',
    fault: (object, pod) =>
      [pod, ...containersOf(pod)].some(
        (part) =>
          at(part, 'securityContext', 'runAsNonRoot') !== true ||
          (Number(at(part, 'securityContext', 'runAsUser')) <= 10_000 && uidReason(object) === undefined),
      ),
  },
];

const scanned: readonly { readonly title: string; readonly fault: Fault }[] = [
  {
    title: 'has a read-only root file system',
    fault: someContainer((container) => at(container, 'securityContext', 'readOnlyRootFilesystem') !== true),
  },
  {
    title: 'requests and limits CPU and memory',
    fault: someContainer((container) =>
      ['requests', 'limits'].some((side) =>
        ['cpu', 'memory'].some((what) => at(container, 'resources', side, what) === undefined),
      ),
    ),
  },
  {
    title: 'asks for readiness and liveness, and differently when it depends on others',
    fault: (object, pod) =>
      containersOf(pod).some(
        (container) =>
          at(container, 'readinessProbe') === undefined ||
          at(container, 'livenessProbe') === undefined ||
          (dependsOnOthers(object) && probeText(container, 'readinessProbe') === probeText(container, 'livenessProbe')),
      ),
  },
  {
    title: 'has an image with an exact tag, or the one that the injector puts in',
    fault: someContainer(
      (container) =>
        !/^auto$|^[a-z0-9.-]+(\/[a-z0-9.-]+)+:[A-Za-z0-9._-]+$/.test(String(at(container, 'image'))) ||
        String(at(container, 'image')).endsWith(':latest'),
    ),
  },
  {
    title: 'pulls what is not there only',
    fault: someContainer((container) => at(container, 'imagePullPolicy') !== 'IfNotPresent'),
  },
  { title: 'mounts no token of the API server', fault: (_, pod) => at(pod, 'automountServiceAccountToken') !== false },
  { title: 'learns no service by environment variables', fault: (_, pod) => at(pod, 'enableServiceLinks') !== false },
  {
    title: 'has an account of its own name',
    fault: (object, pod) => at(pod, 'serviceAccountName') !== object.metadata.name,
  },
  {
    title: 'names every port',
    fault: someContainer((container) =>
      listAt(container, 'ports').some((port) => !/^[a-z][a-z0-9-]{0,14}$/.test(String(at(port, 'name')))),
    ),
  },
  {
    title: 'takes secrets from files only, but for the password that the database is made with',
    fault: someContainer(
      (container) =>
        listAt(container, 'env').some(
          (entry) => at(entry, 'valueFrom') !== undefined && at(entry, 'name') !== 'POSTGRES_PASSWORD',
        ) || at(container, 'envFrom') !== undefined,
    ),
  },
  {
    title: 'says name and version',
    fault: (object) =>
      ['app.kubernetes.io/name', 'app.kubernetes.io/version'].some(
        (label) => at(object, 'spec', 'template', 'metadata', 'labels', label) === undefined,
      ),
  },
  {
    title: 'selects its pods by name alone',
    fault: (object) =>
      JSON.stringify(at(object, 'spec', 'selector')) !==
      JSON.stringify({ matchLabels: { 'app.kubernetes.io/name': object.metadata.name } }),
  },
];

function uidReason(object: ManifestObject): unknown {
  return at(object, 'spec', 'template', 'metadata', 'annotations', 'meshwright.dev/uid-reason');
}

function dependsOnOthers({ metadata }: ManifestObject): boolean {
  return catalog.some(({ name, calls }) => name === metadata.name && calls.length > 0);
}

function probeText(container: unknown, probe: string): string {
  return JSON.stringify(['grpc', 'httpGet', 'tcpSocket', 'exec'].map((kind) => at(container, probe, kind) ?? null));
}

describe.each(environments)('the workloads of $name', async ({ name, replicas }) => {
  const objects = objectsOf(await synthesized(name));
  const workloads = objects.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
  const faulty = (fault: Fault): readonly string[] =>
    workloads
      .filter((object) => fault(object, at(object, 'spec', 'template', 'spec')))
      .map(({ metadata }) => metadata.name);
  const named = (kind: string, workload: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === workload);

  test('are those of the catalog', () => {
    expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual(
      catalog.map((service) => service.name).sort(),
    );
  });

  test.for(restricted)('Pod Security restricted: every pod $title', ({ fault }) => {
    expect(faulty(fault)).toEqual([]);
  });

  test.for(scanned)('every pod $title', ({ fault }) => {
    expect(faulty(fault)).toEqual([]);
  });

  test('a probe that names a port names one of the container', () => {
    const lost = faulty(
      someContainer((container) => {
        const open = listAt(container, 'ports').map((port) => at(port, 'containerPort'));
        const asked = ['startupProbe', 'readinessProbe', 'livenessProbe'].flatMap((probe) =>
          ['grpc', 'httpGet', 'tcpSocket'].flatMap((kind) =>
            at(container, probe, kind) === undefined ? [] : [at(container, probe, kind, 'port')],
          ),
        );
        return asked.some((port) => !open.includes(port));
      }),
    );
    expect(lost).toEqual([]);
  });

  test('every workload has an account, a policy of its callers, a Sidecar, a NetworkPolicy and a disruption budget', () => {
    const kinds = ['ServiceAccount', 'Sidecar', 'NetworkPolicy', 'PodDisruptionBudget', 'Service'];
    const missing = workloads.flatMap(({ metadata }) => [
      ...kinds.filter((kind) => named(kind, metadata.name) === undefined).map((kind) => `${metadata.name}: ${kind}`),
      ...(named('AuthorizationPolicy', `${metadata.name}-callers`) === undefined ? [`${metadata.name}: callers`] : []),
    ]);
    expect(missing).toEqual([]);
  });

  test('every namespace with workloads begins closed', () => {
    const namespaces = new Set(workloads.map(({ metadata }) => metadata.namespace ?? ''));
    for (const namespace of namespaces) {
      const own = objects.filter(({ metadata }) => metadata.namespace === namespace);
      const find = (kind: string, name: string) =>
        own.find((object) => object.kind === kind && object.metadata.name === name)?.spec;
      expect(find('AuthorizationPolicy', 'default-deny')).toEqual({});
      expect(find('PeerAuthentication', 'default')).toEqual({ mtls: { mode: 'STRICT' } });
      expect(find('NetworkPolicy', 'default-deny')).toEqual({ podSelector: {}, policyTypes: ['Egress', 'Ingress'] });
      expect(find('Sidecar', 'default')).toMatchObject({ egress: [{ hosts: ['~/*'] }] });
      const labels = objects.find(({ kind, metadata }) => kind === 'Namespace' && metadata.name === namespace)?.metadata
        .labels;
      expect(labels).toMatchObject({
        'pod-security.kubernetes.io/enforce': 'restricted',
        'istio-injection': 'enabled',
      });
    }
  });

  test('the only empty selectors are the default denies of the network', () => {
    const empty = objects.flatMap((object) =>
      [...walk(object.spec)]
        .filter(([path, value]) => /([sS]elector|matchLabels|labels)$/.test(path) && JSON.stringify(value) === '{}')
        .map(() => `${object.kind} ${object.metadata.name}`),
    );
    expect(new Set(empty)).toEqual(new Set(['NetworkPolicy default-deny']));
  });

  test('every Service port has a name and says its protocol', () => {
    const ports = objects.filter(({ kind }) => kind === 'Service').flatMap(({ spec }) => listAt(spec, 'ports'));
    expect(ports.length).toBeGreaterThan(8);
    expect(
      ports.filter(
        (port) =>
          !['grpc', 'http', 'https', 'tcp'].includes(String(at(port, 'appProtocol'))) || at(port, 'name') === undefined,
      ),
    ).toEqual([]);
    expect(objects.filter(({ spec }) => at(spec, 'clusterIP') === 'None').map(({ metadata }) => metadata.name)).toEqual(
      [],
    );
  });

  test('a singleton runs once, is replaced before it is started again, and is never scaled', () => {
    for (const { name: workload } of catalog.filter(({ scaling }) => scaling === 'singleton')) {
      const controller = workloads.find(({ metadata }) => metadata.name === workload);
      expect(at(controller, 'spec', 'replicas')).toBe(1);
      if (controller?.kind === 'Deployment') expect(at(controller, 'spec', 'strategy')).toEqual({ type: 'Recreate' });
      expect(named('HorizontalPodAutoscaler', workload)).toBeUndefined();
      expect(at(named('PodDisruptionBudget', workload), 'spec', 'maxUnavailable')).toBe(1);
    }
  });

  test('a stateless workload has as many replicas as the environment says, spread where there are several', () => {
    for (const { name: workload } of catalog.filter(({ scaling }) => scaling === 'stateless')) {
      const controller = workloads.find(({ metadata }) => metadata.name === workload);
      const scaler = named('HorizontalPodAutoscaler', workload);
      if (replicas.kind === 'fixed') {
        expect(at(controller, 'spec', 'replicas')).toBe(replicas.replicas);
        expect(scaler).toBeUndefined();
      } else {
        expect(at(controller, 'spec', 'replicas')).toBeUndefined();
        expect(scaler?.spec).toMatchObject({ minReplicas: replicas.minimum, maxReplicas: replicas.maximum });
        expect(replicas.minimum).toBeGreaterThanOrEqual(2);
        expect(listAt(controller, 'spec', 'template', 'spec', 'topologySpreadConstraints')).toHaveLength(2);
      }
    }
  });

  test('no object is a Secret, and no text looks like one', () => {
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const texts = objects.flatMap((object) =>
      [...walk(object)].flatMap(([, value]) => (typeof value === 'string' ? [value] : [])),
    );
    expect(texts.filter((text) => /PRIVATE KEY|"d":|eyJ[A-Za-z0-9_-]{10}|postgres:\/\//.test(text))).toEqual([]);
  });

  test('a service finds its callees, its listener and its files in its environment', () => {
    const order = workloads.find(({ metadata }) => metadata.name === 'order');
    const environment = Object.fromEntries(
      listAt(order, 'spec', 'template', 'spec', 'containers', 0, 'env').map((entry) => [
        String(at(entry, 'name')),
        String(at(entry, 'value')),
      ]),
    );
    expect(environment).toMatchObject({
      LISTEN: '0.0.0.0:50051',
      UPSTREAM_RISK: 'risk.trading.svc.cluster.local:50052',
      UPSTREAM_EXECUTION: 'execution.trading.svc.cluster.local:50053',
      UPSTREAM_PORTFOLIO: 'portfolio.trading.svc.cluster.local:50055',
      DATABASE_HOST: 'postgres.data.svc.cluster.local',
      DATABASE_USER: 'trading_order',
      DATABASE_PASSWORD_FILE: '/var/run/secrets/meshwright/database/password',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger.observability.svc.cluster.local:4318',
    });
  });
});
