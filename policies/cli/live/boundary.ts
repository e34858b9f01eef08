/**
 * Ways around the Services that must be closed to everybody: a pod by its address, the ports of its proxy, the API
 * server, and a host outside the mesh that nobody declared.
 */
import { randomUUID } from 'node:crypto';
import type { HttpProbe } from '../../probe/protocol.ts';
import type { RunningPod } from './caller.ts';
import type { Target } from './target.ts';

/** One way. */
export interface BoundaryWay {
  /** Shape: `trading/execution by address, port 50053`. */
  readonly name: string;
  readonly kind: 'pod-address' | 'admin-port' | 'api-server' | 'undeclared-host';
  /** The workload whose proxy would log it, null outside the mesh. */
  readonly callee: { readonly namespace: string; readonly workload: string } | null;
  readonly probe: () => HttpProbe;
}

const adminPaths: Readonly<Record<number, string>> = { 15000: '/config_dump', 15006: '/', 15020: '/stats/prometheus' };
const timeoutMs = 4000;
/** Reserved for documentation: nobody answers there. Source: RFC 5737. */
const nobodysAddress = '192.0.2.1';

/** Every way around: `pods` are the pods of the targets' workloads. */
export function boundaryWays(
  targets: readonly Target[],
  podOf: (target: Target) => RunningPod | undefined,
): readonly BoundaryWay[] {
  const places = Map.groupBy(targets, ({ namespace, workload, port }) => `${namespace}/${workload}:${port}`);
  const workloads = Map.groupBy(targets, ({ namespace, workload }) => `${namespace}/${workload}`);
  return [
    ...[...places.values()].flatMap(([target]) => (target === undefined ? [] : podAddress(target, podOf(target)))),
    ...[...workloads.values()].flatMap(([target]) => (target === undefined ? [] : adminPorts(target, podOf(target)))),
    {
      name: 'the API server',
      kind: 'api-server',
      callee: null,
      probe: () =>
        call({ host: 'kubernetes.default.svc.cluster.local', port: 443, path: '/api', tls: 'kubernetes.default.svc' }),
    },
    {
      name: 'an undeclared host outside the mesh',
      kind: 'undeclared-host',
      callee: null,
      probe: () => call({ host: nobodysAddress, port: 80, path: '/', authority: 'undeclared.example' }),
    },
  ];
}

function podAddress(target: Target, pod: RunningPod | undefined): readonly BoundaryWay[] {
  if (pod === undefined || target.protocol === 'tcp') return [];
  const { namespace, workload, port, http } = target;
  const protocol = target.protocol === 'grpc' ? 'http2' : 'http1';
  return [
    {
      name: `${namespace}/${workload} by address, port ${port}`,
      kind: 'pod-address',
      callee: { namespace, workload },
      probe: () => call({ host: pod.ip, port, protocol, ...(http ?? { path: '/' }) }),
    },
  ];
}

function adminPorts({ namespace, workload }: Target, pod: RunningPod | undefined): readonly BoundaryWay[] {
  if (pod === undefined) return [];
  return Object.entries(adminPaths).map(([port, path]) => ({
    name: `${namespace}/${workload} admin port ${port}`,
    kind: 'admin-port',
    callee: { namespace, workload },
    probe: () => call({ host: pod.ip, port: Number(port), path }),
  }));
}

interface Way {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly protocol?: HttpProbe['protocol'];
  readonly authority?: string;
  readonly tls?: string;
}

function call({ host, port, path, method = 'GET', protocol = 'http1', authority, tls }: Way): HttpProbe {
  const id = randomUUID();
  const grpc = protocol === 'http2' ? { 'content-type': 'application/grpc', te: 'trailers' } : {};
  return {
    id,
    host,
    port,
    timeoutMs,
    tls: tls ?? null,
    protocol,
    method,
    path,
    authority: authority ?? `${host}:${port}`,
    headers: { 'x-request-id': id, 'x-meshwright-probe': '1', ...grpc },
    body: protocol === 'http2' ? 'emptyMessage' : 'none',
  };
}
