/**
 * The one place that knows cdk8s-plus-28: renders a Deployment or StatefulSet in a tree of its own and hands back plain
 * JSON. What the line cannot say is added to that JSON by `workload.ts`; patches would be lost, since the line's
 * `toJson` keeps only the fields and the wrapper types that it knows.
 */
import { ApiObject, App, Chart, Duration, Size } from 'cdk8s';
import * as plus from 'cdk8s-plus-28';
import type { Construct } from 'constructs';
import type { Labels } from './peer.ts';
import type { Mount, Placement, Program } from './program.ts';

/** What cdk8s-plus renders. */
export interface ControllerProps {
  readonly name: string;
  readonly serviceAccount: string;
  readonly labels: Labels;
  readonly program: Program;
  readonly placement: Placement;
}

/** A rendered Deployment or StatefulSet; deep members are plain JSON. */
export type RenderedController = Readonly<Record<string, unknown>>;

/** Renders the controller with the line's own fields only. */
export function renderController(props: ControllerProps): RenderedController {
  const scope = new Chart(new App(), 'controller', { disableResourceNameHashes: true });
  return ApiObject.of(controllerOf(scope, props)).toJson() as RenderedController;
}

function controllerOf(scope: Construct, props: ControllerProps): plus.Workload {
  const { name, labels, program, placement } = props;
  const common = {
    metadata: { name, labels },
    select: false,
    automountServiceAccountToken: false,
    serviceAccount: plus.ServiceAccount.fromServiceAccountName(scope, 'account', props.serviceAccount),
    securityContext: {
      ensureNonRoot: true,
      user: program.uid,
      group: program.uid,
      fsGroup: program.uid,
      fsGroupChangePolicy: plus.FsGroupChangePolicy.ON_ROOT_MISMATCH,
    },
    terminationGracePeriod: Duration.seconds(program.graceSeconds),
    podMetadata: {
      labels: { ...labels, ...program.podLabels },
      annotations: {
        ...program.podAnnotations,
        ...(program.uidReason === undefined ? {} : { 'meshwright.dev/uid-reason': program.uidReason }),
      },
    },
    containers: [containerOf(scope, program)],
  };
  if (placement.kind === 'singleWithVolume') {
    // A StatefulSet must name a Service; ours is rendered elsewhere, this one only lends its name.
    const service = new plus.Service(scope, 'service', { metadata: { name }, ports: [{ port: 1 }] });
    return new plus.StatefulSet(scope, 'stateful-set', { ...common, replicas: 1, service });
  }
  return new plus.Deployment(scope, 'deployment', { ...common, ...rolloutOf(placement) });
}

function rolloutOf(placement: Placement): { readonly replicas: number; readonly strategy: plus.DeploymentStrategy } {
  if (placement.kind === 'single') return { replicas: 1, strategy: plus.DeploymentStrategy.recreate() };
  const strategy = plus.DeploymentStrategy.rollingUpdate({
    maxSurge: plus.PercentOrAbsolute.absolute(1),
    maxUnavailable: plus.PercentOrAbsolute.absolute(0),
  });
  return { replicas: placement.kind === 'fixed' ? placement.replicas : 1, strategy };
}

function containerOf(scope: Construct, program: Program): plus.ContainerProps {
  const { requests, limits } = program.resources;
  return {
    name: program.containerName,
    image: program.image,
    imagePullPolicy: plus.ImagePullPolicy.IF_NOT_PRESENT,
    ...(program.command === undefined ? {} : { command: [...program.command] }),
    ...(program.args === undefined ? {} : { args: [...program.args] }),
    envVariables: variablesOf(scope, program),
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
      const volume = tryMakeVolume(scope, mount);
      return volume === undefined ? [] : [{ path: mount.path, volume, readOnly: mount.kind !== 'scratch' }];
    }),
  };
}

function variablesOf(scope: Construct, { environment, secretEnvironment }: Program): Record<string, plus.EnvValue> {
  const open = Object.entries(environment).map(([name, value]) => [name, plus.EnvValue.fromValue(value)]);
  const secret = Object.entries(secretEnvironment ?? {}).map(([name, { secretName, key }]) => {
    const source = plus.Secret.fromSecretName(scope, `${name}-secret`, secretName);
    return [name, plus.EnvValue.fromSecretValue({ secret: source, key })];
  });
  return Object.fromEntries([...open, ...secret]);
}

/** Claims are not known to the line: `workload.ts` adds them. */
function tryMakeVolume(scope: Construct, mount: Mount): plus.Volume | undefined {
  const { name } = mount;
  switch (mount.kind) {
    case 'scratch':
      return plus.Volume.fromEmptyDir(scope, name, name, { sizeLimit: memoryOf(mount.sizeLimit) });
    case 'secret': {
      const secret = plus.Secret.fromSecretName(scope, `${name}-secret`, mount.secretName);
      return plus.Volume.fromSecret(scope, name, secret, { name, defaultMode: 0o440 });
    }
    case 'configuration': {
      const configMap = plus.ConfigMap.fromConfigMapName(scope, `${name}-configuration`, mount.configMapName);
      return plus.Volume.fromConfigMap(scope, name, configMap, { name, defaultMode: 0o444 });
    }
    case 'claim':
      return undefined;
    default:
      return unreachable(mount);
  }
}

function unreachable(mount: never): never {
  throw new Error(`unexpected mount: ${JSON.stringify(mount)}`);
}

/** `250m` or `2`. */
function cpuOf(text: string): plus.Cpu {
  return text.endsWith('m') ? plus.Cpu.millis(Number(text.slice(0, -1))) : plus.Cpu.units(Number(text));
}

/** `128Mi` or `2Gi`. */
function memoryOf(text: string): Size {
  return text.endsWith('Gi') ? Size.gibibytes(Number(text.slice(0, -2))) : Size.mebibytes(Number(text.slice(0, -2)));
}
