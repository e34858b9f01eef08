import type { Fault } from '../fault.ts';

const downMs = 5_000;

/** Tracing is lost; orders must not notice. */
export const jaegerDown: Fault = {
  name: 'jaeger-down',
  title: 'Jaeger is gone; orders are unaffected',
  run: async (stage, stand) => {
    const { cluster } = stand;
    const traffic = await stand.startTraffic();
    const injectedAtMs = performance.now();
    await stage.inject(() => cluster.scale('observability', 'jaeger', 0));
    await stage.detected('its pod is not ready', async () => !(await cluster.isReady('observability', 'jaeger')));
    await stand.pass(traffic, downMs);
    const [failed, passed] = [traffic.failedSince(injectedAtMs).length, traffic.passedSince(injectedAtMs)];
    stage.expect('no order fails for want of tracing', failed === 0 && passed > 0, traffic.describeSince(injectedAtMs));
    await stage.heal(() => cluster.scale('observability', 'jaeger', 1));
    await stage.recovered(
      'its pod is ready and orders trade',
      async () => (await cluster.isReady('observability', 'jaeger')) && stand.trades(),
    );
    await stand.settle(stage, traffic);
  },
};
