import { standInName, standInNamespace } from '../../../support/sds-agent/manifests.ts';
import type { Cluster } from '../cluster.ts';
import type { Fault } from '../fault.ts';
import { until } from '../stage.ts';

const downMs = 20_000;
const agent = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { namespace: standInNamespace, name: standInName },
};
const nowhere = 'meshwright.dev/no-such-node';

/** Leaves the agent no node to run on, or gives it back all. */
const keepOff = (cluster: Cluster, isOff: boolean): Promise<void> =>
  cluster.merge(agent, { template: { spec: { nodeSelector: { [nowhere]: isOff ? 'true' : null } } } });

/** How many pods of the agent are ready. */
async function agents(cluster: Cluster): Promise<number> {
  const { status } = await cluster.apps.readNamespacedDaemonSet({ namespace: standInNamespace, name: standInName });
  return status?.numberReady ?? 0;
}

/** The agent that hands out certificates is gone: who has one goes on, who has none does not get one elsewhere. */
export const agentDown: Fault = {
  name: 'agent-down',
  title: "SPIRE's agent (the stand-in) is gone, then back: certificates in use hold, a new pod gets none",
  appliesTo: async (cluster) => {
    const { items } = await cluster.apps.listNamespacedDaemonSet({ namespace: standInNamespace });
    const isThere = items.some(({ metadata }) => metadata?.name === standInName);
    const [pod] = await cluster.pods('edge', 'gateway');
    const isUsed = pod?.metadata?.annotations?.['inject.istio.io/templates']?.includes('spire') === true;
    return isThere && isUsed
      ? null
      : 'its certificates come from istiod; `test/e2e/cluster/spire/main.ts spire` moves it';
  },
  run: async (stage, stand) => {
    const { cluster } = stand;
    const traffic = await stand.startTraffic();
    const injectedAtMs = performance.now();
    try {
      await stage.inject(() => keepOff(cluster, true));
      await stage.detected('no agent is ready', async () => (await agents(cluster)) === 0);
      await until(async () => (await cluster.pods(standInNamespace, standInName)).length === 0, downMs);
      await cluster.scale('edge', 'gateway', 2);
      await stand.pass(traffic, downMs);
      const failed = traffic.failedSince(injectedAtMs).length;
      stage.expect('orders go on with the certificates in use', failed === 0, traffic.describeSince(injectedAtMs));
      const pods = await cluster.pods('edge', 'gateway');
      stage.expect(
        'a pod that starts meanwhile gets no certificate, of anybody',
        pods.length === 2 && !(await cluster.isReady('edge', 'gateway')),
        `${pods.length} pods, of the new one: ${pods.map(({ status }) => status?.phase).join(', ')}`,
      );
      await stage.heal(() => keepOff(cluster, false));
      await stage.recovered('the new pod is ready too, orders trade', async () => {
        return (await agents(cluster)) === 1 && (await cluster.isReady('edge', 'gateway')) && stand.trades();
      });
    } finally {
      await keepOff(cluster, false);
      await cluster.scale('edge', 'gateway', 1);
    }
    await stand.settle(stage, traffic);
  },
};
