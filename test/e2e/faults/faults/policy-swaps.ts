import type { Fault } from '../fault.ts';
import { until } from '../stage.ts';
import { SwapCell } from '../swap-cell.ts';

const swaps = 100;
/** How long after the denying configuration was acknowledged a new request may still be allowed. */
const graceMs = 2_000;
const swapWithinMs = 10_000;

/** A policy is pushed a hundred times during traffic. */
export const policySwaps: Fault = {
  name: 'policy-swaps',
  title: `a policy is swapped ${swaps} times (deny, allow, deny, …) during traffic`,
  run: async (stage, stand) => {
    const traffic = await stand.startTraffic();
    const startedAtMs = performance.now();
    const cell = await SwapCell.open(stand.cluster);
    /** Spans in which an allow is right: from the grant until the grace after the acknowledged denial. */
    const granted: { readonly fromMs: number; untilMs: number }[] = [];
    let [stuck, slowestMs] = [0, 0];
    const reach = async (wanted: boolean) => {
      const sinceMs = performance.now();
      const done = await until(async () => (await cell.isGrantedAtProxy()) === wanted, swapWithinMs);
      slowestMs = Math.max(slowestMs, performance.now() - sinceMs);
      if (!done) stuck += 1;
    };
    try {
      await stage.inject(async () => {});
      for (let swap = 0; swap < swaps; swap += 2) {
        const span = { fromMs: performance.now(), untilMs: Number.POSITIVE_INFINITY };
        granted.push(span);
        await cell.grant();
        await reach(true);
        if (swap === 0) await stage.detected('the granted cell is allowed', () => cell.allowed() > 0);
        await cell.revoke();
        await reach(false);
        span.untilMs = performance.now() + graceMs;
      }
      await stage.heal();
      const lastDenialMs = performance.now() + graceMs;
      await stage.recovered('the cell is denied again', () =>
        cell.answers.some(
          ({ sentAtMs, verdict, cell: which }) =>
            which === 'swapped' && verdict === 'denied' && sentAtMs > lastDenialMs,
        ),
      );
    } finally {
      await cell.close();
    }
    const isRight = (sentAtMs: number) =>
      granted.some(({ fromMs, untilMs }) => sentAtMs >= fromMs && sentAtMs <= untilMs);
    const wrong = cell.answers.filter(
      ({ verdict, cell: which, sentAtMs }) => verdict === 'allowed' && (which === 'never' || !isRight(sentAtMs)),
    );
    stage.expect(
      'every swap reached the proxy',
      stuck === 0,
      `${swaps} swaps, slowest ${slowestMs.toFixed(0)} ms from push to acknowledgement`,
    );
    stage.expect(
      'no wrong allow',
      wrong.length === 0,
      `${cell.answers.length} probes, ${cell.allowed()} allowed, ${cell.denied()} denied, ${wrong.length} wrong`,
    );
    const never = cell.answers.filter(({ cell: which }) => which === 'never').length;
    stage.expect('the cell that nobody granted was probed too', never > 0, `${never} probes`);
    const failed = traffic.failedSince(startedAtMs).length;
    stage.expect('no order failed because of a push', failed === 0, traffic.describeSince(startedAtMs));
    await stand.settle(stage, traffic);
  },
};
