/** One order as one trace: gateway, services and both proxies of every hop, each span under the one that caused it. */
import { ClusterAccess } from '#infra/cluster/access.ts';
import { type GatewayPlace, openGateway } from '#infra/cluster/open-gateway.ts';
import { forwardPort } from '#infra/cluster/port-forward.ts';
import { tradeOnce } from '#infra/cluster/trade-check.ts';
import type { Stand } from './stand.ts';
import { checkTrace, type Span, spansOf } from './trace-shape.ts';

/** What was found in Jaeger. */
export interface TraceResult {
  readonly traceId: string;
  readonly spans: number;
  /** Names that Jaeger knows, from `/api/v3/services`. */
  readonly services: readonly string[];
  /** What is missing or misplaced. */
  readonly faults: readonly string[];
  /** For a person. */
  readonly line: string;
}

const queryPort = 16_686;
const waitMs = 30_000;
const pollMs = 250;

/** Places one order through the gateway and reads its trace, until it is whole or the time is over. */
export async function readTraces({ connection }: Stand, gateway: GatewayPlace): Promise<TraceResult> {
  const access = new ClusterAccess(connection.context);
  const { api, mint } = await openGateway(access, gateway);
  const { traceId } = await tradeOnce(api, mint).finally(() => api.close());
  const [pod] = await access.pods('observability');
  const name = pod?.metadata?.name;
  if (name === undefined) throw new Error('no pod of Jaeger is there');
  await using jaeger = await forwardPort(access, { namespace: 'observability', pod: name, port: queryPort });
  const url = `http://127.0.0.1:${jaeger.port}/api/v3`;
  const { spans, faults } = await waitForTrace(`${url}/traces/${traceId}`);
  const { services } = (await (await fetch(`${url}/services`)).json()) as { readonly services: readonly string[] };
  const verdict =
    faults.length === 0 ? 'one trace, every hop with both proxies' : `${faults.length} faults: ${faults[0]}`;
  return {
    traceId,
    spans: spans.length,
    services,
    faults,
    line: `trace ${traceId}: ${spans.length} spans, ${verdict}`,
  };
}

/** Not found means not yet. Source: platform of Jaeger's API v3. */
async function waitForTrace(
  url: string,
): Promise<{ readonly spans: readonly Span[]; readonly faults: readonly string[] }> {
  for (const until = Date.now() + waitMs; ; ) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(waitMs) });
    const spans = answer.status === 200 ? spansOf(await answer.json()) : [];
    const faults = checkTrace(spans);
    if (faults.length === 0 || Date.now() > until) return { spans, faults };
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
