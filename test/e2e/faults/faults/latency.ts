import { edited } from '../cluster.ts';
import type { Fault } from '../fault.ts';
import { delaying } from '../routes.ts';
import { until } from '../stage.ts';

const gatewayDeadlineMs = 3_000;
const marginMs = 500;
const watchMs = 5_000;

const cases = [
  {
    name: 'latency-within',
    callee: 'execution',
    method: '/trading.execution.v1.ExecutionService/SubmitTrade',
    passes: true,
    words: '`order` -> `execution` (deadline 1.5 s): orders are slow and pass',
  },
  {
    name: 'latency-beyond',
    callee: 'portfolio',
    method: '/trading.portfolio.v1.PortfolioService/GetLimitsBasis',
    passes: false,
    words: '`risk` -> `portfolio` (deadline 0.4 s): orders are refused in time',
  },
] as const;

/** Half a second on one call: within its caller's deadline, and beyond it. */
export const latencies: readonly Fault[] = cases.map(({ name, callee, method, passes, words }) => ({
  name,
  title: `500 ms of latency on ${words}`,
  run: async (stage, stand) => {
    const traffic = await stand.startTraffic();
    const route = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', namespace: 'trading', name: callee };
    let restore = async () => {};
    try {
      const injectedAtMs = performance.now();
      await stage.inject(async () => {
        restore = await edited(stand.cluster, route, delaying(method, '0.5s'));
      });
      const noticed = passes ? 'orders take half a second longer' : 'an order is refused';
      await stage.detected(noticed, () =>
        passes
          ? traffic.attempts.slice(-3).every(({ tookMs }) => tookMs >= 500)
          : traffic.failedSince(injectedAtMs).length > 0,
      );
      const slowSinceMs = performance.now();
      await stand.pass(traffic, watchMs);
      const [passed, failed] = [traffic.passedSince(slowSinceMs), traffic.failedSince(slowSinceMs).length];
      stage.expect(
        passes ? 'slow orders pass' : 'no order passes unchecked',
        passes ? passed > 0 && failed === 0 : passed === 0,
        traffic.describeSince(slowSinceMs),
      );
      const slowest = Math.max(
        ...traffic.attempts.filter(({ atMs }) => atMs >= slowSinceMs).map(({ tookMs }) => tookMs),
      );
      stage.expect(
        "the deadline of the client's call holds",
        slowest < gatewayDeadlineMs + marginMs,
        `slowest answer ${slowest.toFixed(0)} ms of ${gatewayDeadlineMs} ms`,
      );
    } finally {
      await stage.heal(restore);
    }
    await stage.recovered('orders trade as fast as before', async () => {
      const startedAtMs = performance.now();
      return (await stand.trades()) && performance.now() - startedAtMs < 1_000;
    });
    await stand.settle(stage, traffic);
    const place = await stand.cluster.place('trading', callee, 'istio-proxy');
    const active = async () => {
      const stats = await stand.cluster.access.exec(place, [
        'pilot-agent',
        'request',
        'GET',
        'stats?filter=http.inbound.*downstream_rq_active',
      ]);
      return stats.split('\n').reduce((sum, line) => sum + Number(/: (\d+)$/.exec(line)?.[1] ?? 0), 0);
    };
    // `order` keeps one stream of reports open to `execution`; nothing else may be at work after the orders ended.
    const kept = callee === 'execution' ? 1 : 0;
    const idle = await until(async () => (await active()) <= kept, 5_000);
    stage.expect(
      'no orphaned work: the callee has no request left',
      idle,
      `${await active()} active, ${kept} of them lasting`,
    );
  },
}));
