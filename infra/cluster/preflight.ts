/** What a machine must have before anything is created on it: a table of rules over facts, all complaints at once. */
import type { Parameters } from './parameters.ts';
import { kubernetesOf } from './parameters.ts';

/** A program on the search path. `version` is null when it tells none that can be read. */
export type Tool =
  | { readonly kind: 'missing' }
  | { readonly kind: 'found'; readonly version: readonly [number, number] | null };

/** The container engine. */
export type Engine =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreachable'; readonly because: string }
  | {
      readonly kind: 'ready';
      readonly version: readonly [number, number] | null;
      /** Of the control groups that the engine gives to containers. */
      readonly cgroups: 'v1' | 'v2' | 'unknown';
    };

/** What was found on the machine. */
export interface Machine {
  readonly engine: Engine;
  readonly kind: Tool;
  readonly kubectl: Tool;
  readonly istioctl: Tool;
  /** Memory that programs can still get, null where it cannot be read. */
  readonly availableMemoryMiB: number | null;
  /** Kernel limits, null where they cannot be read (not Linux: the engine's own machine has them). */
  readonly inotify: { readonly instances: number; readonly watches: number } | null;
  /** Whether the gateway's port of this machine can be bound. */
  readonly gatewayPort: { readonly number: number; readonly kind: 'free' | 'taken' };
  /** Whether our cluster's node exists already; then its memory and its port are spoken for. */
  readonly node: 'absent' | 'present';
}

/** One thing that is missing or too old. */
export interface Complaint {
  readonly what: string;
  readonly fix: string;
}

type Version = readonly [number, number];

/** The least that works. kind 0.32 was the first with Kubernetes 1.36; kubectl may be one minor older than the API server. */
const least = {
  engine: [20, 10],
  kind: [0, 32],
  kubectl: [1, 35],
  memoryMiB: 4096,
  inotify: { instances: 512, watches: 262_144 },
} as const;

const print = ([major, minor]: Version): string => `${major}.${minor}`;

const isBelow = ([major, minor]: Version, [wantedMajor, wantedMinor]: Version): boolean =>
  major < wantedMajor || (major === wantedMajor && minor < wantedMinor);

function judgeEngine(engine: Engine): readonly Complaint[] {
  switch (engine.kind) {
    case 'missing':
      return [
        { what: 'no container engine: `docker` is not on the PATH', fix: 'install Docker Engine 20.10 or newer' },
      ];
    case 'unreachable':
      return [
        {
          what: `the container engine does not answer: ${engine.because}`,
          fix: 'start it, and make sure that this user may use it (group `docker`)',
        },
      ];
    case 'ready':
      return [
        ...(engine.version !== null && isBelow(engine.version, least.engine)
          ? [
              {
                what: `container engine ${print(engine.version)}: expected ${print(least.engine)} or newer`,
                fix: 'update Docker Engine',
              },
            ]
          : []),
        ...(engine.cgroups === 'unknown'
          ? [
              {
                what: 'the engine does not say which control groups it uses: expected v1 or v2',
                fix: 'boot with the unified hierarchy (`systemd.unified_cgroup_hierarchy=1`), or update the engine',
              },
            ]
          : []),
      ];
    default:
      return unreachable(engine);
  }
}

function unreachable(engine: never): never {
  throw new Error(`unexpected engine: ${JSON.stringify(engine)}`);
}

function judgeTool(name: string, tool: Tool, wanted: Version, source: string): readonly Complaint[] {
  if (tool.kind === 'missing') return [{ what: `\`${name}\` is not on the PATH`, fix: `install it: ${source}` }];
  if (tool.version === null || !isBelow(tool.version, wanted)) return [];
  return [{ what: `${name} ${print(tool.version)}: expected ${print(wanted)} or newer`, fix: `update it: ${source}` }];
}

/** istioctl renders the charts of one minor version and must fit the images. */
function judgeIstioctl(tool: Tool, tag: string): readonly Complaint[] {
  const source = 'https://istio.io/latest/docs/setup/additional-setup/download-istio-release/';
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(tag) ?? [];
  if (tool.kind === 'missing' || tool.version === null || major === undefined)
    return judgeTool('istioctl', tool, [1, 0], source);
  const wanted: Version = [Number(major), Number(minor)];
  if (print(wanted) === print(tool.version)) return [];
  return [
    {
      what: `istioctl ${print(tool.version)}: expected ${print(wanted)}, as ISTIO_TAG (\`${tag}\`) says`,
      fix: `install istioctl ${print(wanted)}: ${source}`,
    },
  ];
}

function judgeMemory({ availableMemoryMiB, node }: Machine): readonly Complaint[] {
  if (node === 'present' || availableMemoryMiB === null || availableMemoryMiB >= least.memoryMiB) return [];
  return [
    {
      what: `${availableMemoryMiB} MiB of memory available: expected ${least.memoryMiB} MiB`,
      fix: 'end other programs, or give the machine (or the engine, on macOS and Windows) more memory',
    },
  ];
}

/** Kubelet, containerd and every proxy watch files; beyond the limits they fail with `too many open files`. */
function judgeInotify({ inotify }: Machine): readonly Complaint[] {
  if (inotify === null) return [];
  const rows = [
    { name: 'fs.inotify.max_user_instances', got: inotify.instances, wanted: least.inotify.instances },
    { name: 'fs.inotify.max_user_watches', got: inotify.watches, wanted: least.inotify.watches },
  ];
  return rows
    .filter(({ got, wanted }) => got < wanted)
    .map(({ name, got, wanted }) => ({
      what: `${name} is ${got}: expected ${wanted} or more`,
      fix: `sudo sysctl -w ${name}=${wanted}`,
    }));
}

function judgePort({ gatewayPort, node }: Machine): readonly Complaint[] {
  if (gatewayPort.kind === 'free' || node === 'present') return [];
  return [
    {
      what: `port ${gatewayPort.number} of 127.0.0.1 is taken: the ingress gateway is reached there`,
      fix: `end the program that listens on it (\`ss -ltnp sport = :${gatewayPort.number}\`)`,
    },
  ];
}

/** Everything that stands in the way of `make up`; none means that it can begin. */
export function preflight(machine: Machine, { istio }: Pick<Parameters, 'istio'>): readonly Complaint[] {
  return [
    ...judgeEngine(machine.engine),
    ...judgeTool('kind', machine.kind, least.kind, 'https://kind.sigs.k8s.io/docs/user/quick-start/#installation'),
    ...judgeTool('kubectl', machine.kubectl, least.kubectl, 'https://kubernetes.io/docs/tasks/tools/#kubectl'),
    ...judgeIstioctl(machine.istioctl, istio.tag),
    ...judgeMemory(machine),
    ...judgeInotify(machine),
    ...judgePort(machine),
  ];
}

/** The first Kubernetes whose kubelet refuses control groups v1 unless it is told otherwise (`failCgroupV1`). */
const refusesCgroupV1: Version = [1, 35];

/** True iff the kubelet of this node image starts on this engine only when it is told to accept control groups v1. */
export function needsCgroupV1Consent(engine: Engine, kindNodeImage: string): boolean {
  return engine.kind === 'ready' && engine.cgroups === 'v1' && !isBelow(kubernetesOf(kindNodeImage), refusesCgroupV1);
}
