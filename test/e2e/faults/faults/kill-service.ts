import type { Fault } from '../fault.ts';
import { crash, freshPod } from '../processes.ts';

const services = [
  ['edge', 'gateway'],
  ['trading', 'order'],
  ['trading', 'risk'],
  ['trading', 'execution'],
  ['trading', 'market-data'],
  ['trading', 'portfolio'],
] as const;

/** Each service is killed while orders are under way. */
export const killServices: readonly Fault[] = services.map(([namespace, name]) => ({
  name: `kill-${name}`,
  title: `\`${name}\` is killed (signal 9) during orders`,
  run: async (stage, stand) => {
    const { cluster } = stand;
    await freshPod(cluster, namespace, name);
    const traffic = await stand.startTraffic();
    const restartsBefore = await restarts();
    await stage.inject(() => crash(cluster, namespace, name, 'node'));
    await stage.detected(
      'Kubernetes reports the end of its process',
      async () => (await restarts()) > restartsBefore || !(await cluster.isReady(namespace, name)),
    );
    await stage.heal();
    await stage.recovered(
      'its pod is ready and orders trade',
      async () => (await cluster.isReady(namespace, name)) && stand.trades(),
    );
    await stand.settle(stage, traffic);

    async function restarts(): Promise<number> {
      const pods = await cluster.pods(namespace, name);
      return pods
        .flatMap(({ status }) => status?.containerStatuses ?? [])
        .reduce((sum, { restartCount }) => sum + restartCount, 0);
    }
  },
}));
