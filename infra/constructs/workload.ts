import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import type { Labels } from './peer.ts';
import { type RenderedController, renderController } from './plus-controller.ts';
import type { Mount, Placement, Probe, Program } from './program.ts';

/** What runs, as whom, how often. */
export interface WorkloadProps {
  readonly name: string;
  readonly serviceAccount: string;
  /** Labels that select the pods. */
  readonly selector: Labels;
  readonly version: string;
  readonly program: Program;
  readonly placement: Placement;
}

/** A Deployment or StatefulSet of one container, with every field that Pod Security `restricted` asks for. */
export class Workload extends Construct {
  constructor(scope: Construct, id: string, props: WorkloadProps) {
    super(scope, id);
    const { apiVersion, kind, ...rest } = renderWorkload(props);
    new ApiObject(this, 'controller', { apiVersion: String(apiVersion), kind: String(kind), ...rest });
  }
}

/** The parts of a rendered controller that are added to; the rest is passed on as it is. */
interface Controller {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
      readonly spec: {
        readonly containers: readonly Readonly<Record<string, unknown>>[];
        readonly securityContext: Readonly<Record<string, unknown>>;
      };
    };
  };
}

function renderWorkload(props: WorkloadProps): RenderedController {
  const { name, serviceAccount, selector, version, program, placement } = props;
  const labels = { ...selector, 'app.kubernetes.io/part-of': 'trading', 'app.kubernetes.io/version': version };
  const rendered = renderController({ name, serviceAccount, labels, program, placement });
  const { spec } = rendered as unknown as Controller;
  const { metadata, spec: pod } = spec.template;
  const template = {
    metadata: { ...metadata, labels: { ...labels, ...program.podLabels } },
    spec: {
      ...pod,
      containers: pod.containers.map((container) => withDetails(container, program)),
      enableServiceLinks: false,
      securityContext: { ...pod.securityContext, seccompProfile: { type: 'RuntimeDefault' } },
      ...spreadOf(placement, selector),
    },
  };
  const claims = program.mounts.filter((mount) => mount.kind === 'claim').map(claimOf);
  return {
    ...rendered,
    spec: {
      ...spec,
      selector: { matchLabels: selector },
      // The autoscaler owns the number of replicas: written here as well, every apply would reset it.
      ...(placement.kind === 'scaled' ? { replicas: undefined } : {}),
      ...(claims.length === 0 ? {} : { volumeClaimTemplates: claims }),
      template,
    },
  };
}

/** Start-up asks what readiness asks, for up to a minute; liveness waits half a minute before it restarts anybody. */
function withDetails(container: Readonly<Record<string, unknown>>, program: Program): unknown {
  const { readiness, liveness, mounts } = program;
  const claims = mounts.filter((mount) => mount.kind === 'claim');
  const timing = { periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 };
  return {
    ...container,
    startupProbe: { ...probeAction(readiness), ...timing, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { ...probeAction(readiness), ...timing },
    livenessProbe: { ...probeAction(liveness), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    volumeMounts: [
      ...(Array.isArray(container['volumeMounts']) ? container['volumeMounts'] : []),
      ...claims.map(({ name, path }) => ({ name, mountPath: path })),
    ],
  };
}

function probeAction(probe: Probe): Readonly<Record<string, unknown>> {
  switch (probe.kind) {
    case 'grpc':
      return { grpc: { port: probe.port } };
    case 'http':
      return { httpGet: { path: probe.path, port: probe.port, scheme: 'HTTP' } };
    case 'tcp':
      return { tcpSocket: { port: probe.port } };
    default:
      return unreachable(probe);
  }
}

function unreachable(probe: never): never {
  throw new Error(`unexpected probe: ${JSON.stringify(probe)}`);
}

function spreadOf(placement: Placement, selector: Labels): Readonly<Record<string, unknown>> {
  if (placement.kind !== 'scaled') return {};
  const spread = (topologyKey: string) => ({
    labelSelector: { matchLabels: selector },
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
  });
  return { topologySpreadConstraints: [spread('kubernetes.io/hostname'), spread('topology.kubernetes.io/zone')] };
}

function claimOf({ name, storage }: Extract<Mount, { kind: 'claim' }>): unknown {
  return {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  };
}
