import { expect, test } from 'vitest';
import { printUsage, usageByPart } from '#infra/cluster/usage.ts';

const mib = 1024 * 1024;
const container = (name: string, memoryMiB: number, millicores: number) => ({
  name,
  memory: { workingSetBytes: memoryMiB * mib },
  cpu: { usageNanoCores: millicores * 1e6 },
});
const pod = (namespace: string, name: string, ...containers: readonly unknown[]) => ({
  podRef: { namespace, name },
  containers,
});

const summary = {
  pods: [
    pod('trading', 'order-1', container('order', 100, 5), container('istio-proxy', 40, 3)),
    pod('edge', 'gateway-1', container('gateway', 90, 2), container('istio-proxy', 41, 3)),
    pod('istio-ingress', 'ingress-1', container('istio-proxy', 42, 1)),
    pod('istio-system', 'istiod-1', container('discovery', 60, 4)),
    pod('kube-system', 'istio-cni-node-1', container('install-cni', 20, 1)),
    pod('kube-system', 'etcd-x', container('etcd', 70, 9)),
    pod('data', 'postgres-0', container('postgres', 50, 1)),
    pod('observability', 'jaeger-1', container('jaeger', 55, 1)),
    pod('elsewhere', 'x', container('x', 1, 0)),
  ],
};

test('every container is counted once, under the part that it serves', () => {
  const parts = new Map(usageByPart(summary).map((part) => [part.name, [part.containers, part.memoryMiB]]));
  expect(Object.fromEntries(parts)).toEqual({
    services: [2, 190],
    proxies: [3, 123],
    'Istio control plane': [2, 80],
    'Kubernetes control plane': [1, 70],
    PostgreSQL: [1, 50],
    Jaeger: [1, 55],
    others: [1, 1],
  });
});

test('the last line is the sum', () => {
  const lines = printUsage(usageByPart(summary));
  expect(lines.at(-1)).toMatch(/^whole platform +11 containers +569 MiB +30 m$/);
});

test('what the node uses beside its pods is a part of its own', () => {
  const node = { memory: { workingSetBytes: 1000 * mib }, cpu: { usageNanoCores: 50e6 } };
  const parts = usageByPart({ ...summary, node });
  expect(parts.at(-1)).toEqual({ name: 'node beside its pods', containers: 0, memoryMiB: 431, cpuMillicores: 20 });
  expect(printUsage(parts).at(-1)).toMatch(/ 1000 MiB +50 m$/);
});

test('a pod that the kubelet has not measured yet counts nothing', () => {
  expect(usageByPart({ pods: [pod('data', 'postgres-0', { name: 'postgres' })] })).toMatchObject([{ memoryMiB: 0 }]);
});
