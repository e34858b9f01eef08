import type { Fault } from '../fault.ts';
import { SwapCell } from '../swap-cell.ts';

const downMs = 8_000;

/** The control plane is gone: what was enforced stays enforced, and nothing fails open. */
export const istiodDown: Fault = {
  name: 'istiod-down',
  title: 'istiod is gone, then back: policy holds meanwhile, nothing fails open',
  bounds: {
    detectedMs: 5_000,
    recoveredMs: 60_000,
    because: 'istiod itself takes up to half a minute to start and proxies reconnect with back-off',
  },
  run: async (stage, stand) => {
    const { cluster } = stand;
    const traffic = await stand.startTraffic();
    const cell = await SwapCell.open(cluster);
    try {
      const injectedAtMs = performance.now();
      await stage.inject(() => cluster.scale('istio-system', 'istiod', 0));
      await stage.detected('the control plane has no ready pod', async () => !(await cluster.isControlPlaneReady()));
      await stand.pass(traffic, downMs);
      const failed = traffic.failedSince(injectedAtMs).length;
      stage.expect('orders go on', failed === 0, traffic.describeSince(injectedAtMs));
      stage.expect(
        'nothing that was denied is allowed',
        cell.allowed() === 0 && cell.denied() > 0,
        `${cell.denied()} probes denied, ${cell.allowed()} allowed`,
      );
      await stage.heal(() => cluster.scale('istio-system', 'istiod', 1));
      await stage.recovered('a new policy takes effect and orders trade', async () => {
        await cell.grant();
        return (await cell.isGrantedAtProxy()) && stand.trades();
      });
    } finally {
      await cell.close();
    }
    await stand.settle(stage, traffic);
  },
};
