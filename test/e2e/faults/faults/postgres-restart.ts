import type { Fault } from '../fault.ts';
import { crash, freshPod } from '../processes.ts';

/** The database dies with all its connections and comes back from its log. */
export const postgresRestart: Fault = {
  name: 'postgres-restart',
  title: 'PostgreSQL is killed (signal 9) during orders and recovers from its log',
  run: async (stage, stand) => {
    const { cluster } = stand;
    await freshPod(cluster, 'data', 'postgres');
    const traffic = await stand.startTraffic();
    const injectedAtMs = performance.now();
    await stage.inject(() => crash(cluster, 'data', 'postgres', 'postgres'));
    await stage.detected('an order is refused', () => traffic.failedSince(injectedAtMs - 3_000).length > 0);
    await stage.heal();
    await stage.recovered(
      'its pod is ready and orders trade',
      async () => (await cluster.isReady('data', 'postgres')) && stand.trades(),
    );
    await stand.settle(stage, traffic);
  },
};
