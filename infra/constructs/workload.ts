/**
 * The one wrapper around cdk8s-plus-28: a Deployment or StatefulSet with every security field of Pod Security
 * `restricted` set, whatever the line's defaults are. Nothing else imports cdk8s-plus.
 */
import { ApiObject, Duration, JsonPatch, Size } from 'cdk8s';
import * as plus from 'cdk8s-plus-28';
import { Construct } from 'constructs';
import { type Labels, nameLabel } from './peer.ts';
import type { Mount, Placement, Probe, Program } from './program.ts';

/** What the wrapper needs to know about a workload. */
export interface WorkloadProps {
  readonly name: string;
  readonly serviceAccount: string;
  /** Labels that select the pods. */
  readonly selector: Labels;
  readonly version: string;
  readonly program: Program;
  readonly placement: Placement;
}

/** A Deployment or StatefulSet of one container. */
export class Workload extends Construct {
  constructor(scope: Construct, id: string, props: WorkloadProps) {
    super(scope, id);
    const controller = this.#controller(props);
    const podSpec = '/spec/template/spec';
    const object = ApiObject.of(controller);
    object.addJsonPatch(
      // A hash of the construct path that only the line's own selectors read.
      JsonPatch.remove('/spec/template/metadata/labels/cdk8s.io~1metadata.addr'),
      JsonPatch.replace('/spec/selector', { matchLabels: props.selector }),
      JsonPatch.add(`${podSpec}/enableServiceLinks`, false),
      JsonPatch.add(`${podSpec}/securityContext/seccompProfile`, { type: 'RuntimeDefault' }),
      ...probePatches(props.program),
      ...placementPatches(props),
    );
    for (const mount of props.program.mounts) {
      if (mount.kind === 'claim') object.addJsonPatch(...claimPatches(mount));
    }
  }

  #controller(props: WorkloadProps): plus.Workload {
    const { program, placement } = props;
    const common = {
      metadata: { name: props.name, labels: labelsOf(props) },
      select: false,
      automountServiceAccountToken: false,
      serviceAccount: plus.ServiceAccount.fromServiceAccountName(this, 'account', props.serviceAccount),
      securityContext: {
        ensureNonRoot: true,
        user: program.uid,
        group: program.uid,
        fsGroup: program.uid,
        fsGroupChangePolicy: plus.FsGroupChangePolicy.ON_ROOT_MISMATCH,
      },
      terminationGracePeriod: Duration.seconds(program.graceSeconds),
      podMetadata: {
        labels: { ...labelsOf(props), ...program.podLabels },
        annotations: { ...program.podAnnotations },
      },
      containers: [this.#container(program)],
    };
    if (placement.kind === 'singleWithVolume') {
      return new plus.StatefulSet(this, 'stateful-set', {
        ...common,
        replicas: 1,
        service: this.#governor(props.name),
      });
    }
    const strategy =
      placement.kind === 'single'
        ? plus.DeploymentStrategy.recreate()
        : plus.DeploymentStrategy.rollingUpdate({
            maxSurge: plus.PercentOrAbsolute.absolute(1),
            maxUnavailable: plus.PercentOrAbsolute.absolute(0),
          });
    const replicas =
      placement.kind === 'fixed' ? placement.replicas : placement.kind === 'scaled' ? placement.minimum : 1;
    return new plus.Deployment(this, 'deployment', { ...common, strategy, replicas });
  }

  /** A StatefulSet must name a Service; ours is rendered beside it, so this one only lends its name. */
  #governor(name: string): plus.Service {
    const orphan = new plus.Service(new Construct(this, 'governor'), 'service', {
      metadata: { name },
      ports: [{ port: 1 }],
    });
    this.node.tryRemoveChild('governor');
    return orphan;
  }

  #container(program: Program): plus.ContainerProps {
    const { requests, limits } = program.resources;
    return {
      name: program.containerName,
      image: program.image,
      imagePullPolicy: plus.ImagePullPolicy.IF_NOT_PRESENT,
      ...(program.command === undefined ? {} : { command: [...program.command] }),
      ...(program.args === undefined ? {} : { args: [...program.args] }),
      envVariables: Object.fromEntries(
        Object.entries(program.environment).map(([name, value]) => [name, plus.EnvValue.fromValue(value)]),
      ),
      ports: program.ports.map(({ name, number }) => ({ name, number })),
      resources: {
        cpu: { request: cpuOf(requests.cpu), limit: cpuOf(limits.cpu) },
        memory: { request: memoryOf(requests.memory), limit: memoryOf(limits.memory) },
      },
      securityContext: {
        ensureNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        user: program.uid,
        group: program.uid,
        capabilities: { drop: [plus.Capability.ALL] },
        seccompProfile: { type: plus.SeccompProfileType.RUNTIME_DEFAULT },
      },
      volumeMounts: program.mounts.flatMap((mount) => {
        const volume = this.#volume(mount);
        return volume === undefined ? [] : [{ path: mount.path, volume, readOnly: mount.kind !== 'scratch' }];
      }),
    };
  }

  #volume(mount: Mount): plus.Volume | undefined {
    const { name } = mount;
    switch (mount.kind) {
      case 'scratch':
        return plus.Volume.fromEmptyDir(this, name, name, { sizeLimit: memoryOf(mount.sizeLimit) });
      case 'secret': {
        const secret = plus.Secret.fromSecretName(this, `${name}-secret`, mount.secretName);
        return plus.Volume.fromSecret(this, name, secret, { name, defaultMode: 0o440 });
      }
      case 'configuration': {
        const configMap = plus.ConfigMap.fromConfigMapName(this, `${name}-configuration`, mount.configMapName);
        return plus.Volume.fromConfigMap(this, name, configMap, { name, defaultMode: 0o444 });
      }
      case 'claim':
        return undefined;
      default:
        return unreachable(mount);
    }
  }
}

function unreachable(value: never): never {
  throw new Error(`unexpected part of a workload: ${JSON.stringify(value)}`);
}

const labelsOf = ({ selector, version }: WorkloadProps): Labels => ({
  ...selector,
  'app.kubernetes.io/part-of': 'trading',
  'app.kubernetes.io/version': version,
});

/** `250m` or `2`. */
function cpuOf(text: string): plus.Cpu {
  return text.endsWith('m') ? plus.Cpu.millis(Number(text.slice(0, -1))) : plus.Cpu.units(Number(text));
}

/** `128Mi` or `2Gi`. */
function memoryOf(text: string): Size {
  return text.endsWith('Gi') ? Size.gibibytes(Number(text.slice(0, -2))) : Size.mebibytes(Number(text.slice(0, -2)));
}

function probeAction(probe: Probe): Readonly<Record<string, unknown>> {
  switch (probe.kind) {
    case 'grpc':
      return { grpc: { port: probe.port } };
    case 'http':
      return { httpGet: { path: probe.path, port: probe.port, scheme: 'HTTP' } };
    case 'tcp':
      return { tcpSocket: { port: probe.port } };
    case 'command':
      return { exec: { command: probe.command } };
    default:
      return unreachable(probe);
  }
}

/** Start-up asks what readiness asks, for up to a minute; liveness waits half a minute before it restarts anybody. */
function probePatches({ readiness, liveness }: Program): readonly JsonPatch[] {
  const container = '/spec/template/spec/containers/0';
  const patches: JsonPatch[] = [];
  if (readiness !== null) {
    const action = probeAction(readiness);
    patches.push(
      JsonPatch.add(`${container}/startupProbe`, {
        ...action,
        failureThreshold: 60,
        periodSeconds: 1,
        timeoutSeconds: 2,
      }),
      JsonPatch.add(`${container}/readinessProbe`, {
        ...action,
        failureThreshold: 2,
        periodSeconds: 5,
        timeoutSeconds: 2,
      }),
    );
  }
  if (liveness !== null) {
    const action = probeAction(liveness);
    patches.push(
      JsonPatch.add(`${container}/livenessProbe`, {
        ...action,
        failureThreshold: 3,
        periodSeconds: 10,
        timeoutSeconds: 5,
      }),
    );
  }
  return patches;
}

function placementPatches({ placement, selector }: WorkloadProps): readonly JsonPatch[] {
  if (placement.kind !== 'scaled') return [];
  const spread = (topologyKey: string) => ({
    labelSelector: { matchLabels: selector },
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
  });
  return [
    // The autoscaler owns the number: written here as well, every apply would reset it.
    JsonPatch.remove('/spec/replicas'),
    JsonPatch.add('/spec/template/spec/topologySpreadConstraints', [
      spread('kubernetes.io/hostname'),
      spread('topology.kubernetes.io/zone'),
    ]),
  ];
}

function claimPatches({ name, path, storage }: Extract<Mount, { kind: 'claim' }>): readonly JsonPatch[] {
  return [
    JsonPatch.add('/spec/volumeClaimTemplates', [
      {
        metadata: { name, labels: { [nameLabel]: name } },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
      },
    ]),
    JsonPatch.add('/spec/template/spec/containers/0/volumeMounts/-', { name, mountPath: path }),
  ];
}
