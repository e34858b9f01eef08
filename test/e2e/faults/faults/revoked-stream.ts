import { type Edited, edited } from '../cluster.ts';
import type { Fault } from '../fault.ts';
import { QuoteReader } from '../quote-reader.ts';
import { until } from '../stage.ts';

const readers = 4;
/** Source: StreamQuotes in market_data.proto, and the margin that the gateway leaves market-data to end it. */
const greatestAgeMs = 605_000;
const method = '/trading.marketdata.v1.MarketDataService/StreamQuotes';
const policy: Edited = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  namespace: 'trading',
  name: 'market-data-callers',
};

interface Rule {
  readonly to?: readonly { readonly operation?: { readonly paths?: readonly string[] } }[];
}

function withoutStreams({ rules }: Record<string, unknown>): Record<string, unknown> {
  const kept = (rules as readonly Rule[]).map((rule) => ({
    ...rule,
    to: rule.to?.map(({ operation }) => ({
      operation: { ...operation, paths: operation?.paths?.filter((path) => path !== method) },
    })),
  }));
  if (JSON.stringify(kept) === JSON.stringify(rules)) throw new Error(`no rule admits ${method}`);
  return { rules: kept };
}

/** The grant of streams that run is taken away: new ones are refused at once, old ones live on for a time. */
export const revokedStream: Fault = {
  name: 'revoked-stream',
  title: 'the grant of running streams of quotes is taken away, then given back',
  run: async (stage, stand) => {
    const traffic = await stand.startTraffic();
    const open = await Promise.all(Array.from({ length: readers }, () => QuoteReader.open(stand)));
    const endedMs = new Map<QuoteReader, number>();
    let restore = async () => {};
    try {
      const revokedAtMs = performance.now();
      await stage.inject(async () => {
        restore = await edited(stand.cluster, policy, withoutStreams);
      });
      await stage.detected('a new stream is refused', async () => !(await QuoteReader.isAdmitted(stand)));
      const ended = await until(() => {
        for (const reader of open)
          if (!reader.isOpen() && !endedMs.has(reader)) endedMs.set(reader, performance.now() - revokedAtMs);
        return endedMs.size === open.length;
      }, greatestAgeMs);
      const times = [...endedMs.values()].map((ms) => (ms / 1000).toFixed(1));
      stage.expect(
        'old streams end, at the latest at their greatest age',
        ended,
        `${endedMs.size} of ${readers} ended, after ${times.join(', ')} s`,
      );
      const failed = traffic.failedSince(revokedAtMs).length;
      stage.expect('orders go on', failed === 0, traffic.describeSince(revokedAtMs));
      await stage.heal(() => restore());
      await stage.recovered('a new stream is admitted', () => QuoteReader.isAdmitted(stand));
    } finally {
      for (const reader of open) reader.close();
      await restore();
    }
    await stand.settle(stage, traffic);
  },
};
