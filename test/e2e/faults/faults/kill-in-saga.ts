import { edited } from '../cluster.ts';
import type { Fault } from '../fault.ts';
import { crash, freshPod } from '../processes.ts';
import { delaying } from '../routes.ts';
import { until } from '../stage.ts';

/** The steps of an order's saga: each is slowed down at the caller's proxy, and `order` killed while it waits for it. */
const steps = [
  { step: 'reserve', callee: 'risk', method: '/trading.risk.v1.RiskService/Reserve', delay: '0.6s' },
  { step: 'submit', callee: 'execution', method: '/trading.execution.v1.ExecutionService/SubmitTrade', delay: '1.2s' },
  { step: 'settle', callee: 'portfolio', method: '/trading.portfolio.v1.PortfolioService/SettleTrade', delay: '0.8s' },
] as const;

/** `order` dies between two steps of sagas; each order must end exactly once all the same. */
export const killsInSaga: readonly Fault[] = steps.map(({ step, callee, method, delay }) => ({
  name: `kill-in-saga-${step}`,
  title: `\`order\` is killed while sagas wait for the step \`${step}\``,
  run: async (stage, stand) => {
    const { cluster } = stand;
    await freshPod(cluster, 'trading', 'order');
    const traffic = await stand.startTraffic();
    const route = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', namespace: 'trading', name: callee };
    const restore = await edited(cluster, route, delaying(method, delay));
    try {
      const delayMs = Number.parseFloat(delay) * 1000;
      // A settlement is not part of the answer: its delay shows in no client's time.
      const slowed = await until(
        () => step === 'settle' || traffic.attempts.slice(-4).every(({ tookMs }) => tookMs >= delayMs),
        15_000,
      );
      stage.expect(`the step \`${step}\` is slowed down`, slowed, `${delay} at the proxy of \`order\``);
      await stage.inject(() => crash(cluster, 'trading', 'order', 'node'));
      const injectedAtMs = performance.now();
      await stage.detected(
        'a client is told that its order has no answer',
        () => traffic.failedSince(injectedAtMs - 3_000).length > 0,
      );
    } finally {
      await stage.heal(restore);
    }
    await stage.recovered(
      '`order` is ready and orders trade',
      async () => (await cluster.isReady('trading', 'order')) && stand.trades(),
    );
    await stand.settle(stage, traffic);
  },
}));
