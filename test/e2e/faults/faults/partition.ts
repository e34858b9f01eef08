import type { Fault } from '../fault.ts';
import { inNetworkOf } from '../processes.ts';

const table = 'inet meshwright_fault';

/** Packets between `risk` and `portfolio` vanish, both ways and without any answer. */
export const partition: Fault = {
  name: 'partition-risk-portfolio',
  title: 'packets between `risk` and `portfolio` vanish; risk fails closed',
  run: async (stage, stand) => {
    const { cluster } = stand;
    const traffic = await stand.startTraffic();
    const [peer] = await cluster.pods('trading', 'portfolio');
    const address = peer?.status?.podIP ?? '';
    const risk = { namespace: 'trading', name: 'risk', comm: 'node' };
    const chain = (hook: string, field: string) =>
      `nft add chain ${table} ${hook} "{ type filter hook ${hook} priority -400; }" && nft add rule ${table} ${hook} ip ${field} ${address} drop`;
    const injectedAtMs = performance.now();
    try {
      await stage.inject(() =>
        inNetworkOf(
          cluster,
          risk,
          `nft add table ${table} && ${chain('input', 'saddr')} && ${chain('output', 'daddr')}`,
        ),
      );
      await stage.detected('an order is refused', () => traffic.failedSince(injectedAtMs).length > 0);
      const cutAtMs = performance.now();
      await stand.pass(traffic, 4_000);
      const passed = traffic.passedSince(cutAtMs);
      stage.expect('no order passes unchecked', passed === 0, `${passed} passed while risk could not see the ledger`);
    } finally {
      await stage.heal(() => inNetworkOf(cluster, risk, `nft delete table ${table}`));
    }
    await stage.recovered('orders trade', () => stand.trades());
    await stand.settle(stage, traffic);
  },
};
