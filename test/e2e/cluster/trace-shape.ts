/** The shape that the trace of one order must have. Pure: OTLP JSON in, faults out. */

/** One span, as far as its place in a trace matters. */
export interface Span {
  readonly id: string;
  /** '' for a root. */
  readonly parent: string;
  /** `order` for a program, `order.trading` for its proxy. */
  readonly service: string;
  readonly kind: 'server' | 'client' | 'other';
  readonly name: string;
}

interface OtlpJson {
  readonly result?: {
    readonly resourceSpans?: readonly {
      readonly resource?: { readonly attributes?: readonly OtlpAttribute[] };
      readonly scopeSpans?: readonly { readonly spans?: readonly OtlpSpan[] }[];
    }[];
  };
}

interface OtlpAttribute {
  readonly key: string;
  readonly value?: { readonly stringValue?: string };
}

interface OtlpSpan {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
}

const kinds: Readonly<Record<number, Span['kind']>> = { 2: 'server', 3: 'client' };

/** The spans of an answer of `GET /api/v3/traces/{id}`. */
export function spansOf(answer: unknown): readonly Span[] {
  const { result } = answer as OtlpJson;
  return (result?.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) => {
    const named = resource?.attributes?.find(({ key }) => key === 'service.name');
    const service = named?.value?.stringValue ?? '';
    return (scopeSpans ?? []).flatMap(({ spans }) =>
      (spans ?? []).map(
        (span): Span => ({
          id: span.spanId,
          parent: span.parentSpanId ?? '',
          service,
          kind: kinds[span.kind ?? 0] ?? 'other',
          name: span.name,
        }),
      ),
    );
  });
}

/** The hops of an order that is filled: caller and callee, each a program with its proxy. */
const hops: readonly (readonly [string, string])[] = [
  ['gateway', 'order'],
  ['order', 'risk'],
  ['risk', 'portfolio'],
  ['order', 'execution'],
  ['execution', 'market-data'],
  ['order', 'portfolio'],
];
const edge = { proxy: 'ingress.istio-ingress', program: 'gateway' } as const;

/** Everything that is missing or stands in the wrong place. */
export function checkTrace(spans: readonly Span[]): readonly string[] {
  const byId = new Map(spans.map((span) => [span.id, span]));
  const roots = spans.filter(({ parent }) => !byId.has(parent));
  return [
    ...(roots.length === 1 ? [] : [`expected one root, got ${roots.length}: ${roots.map(nameOf).join(', ')}`]),
    ...(roots.some(({ service }) => service === edge.proxy) ? [] : [`expected the root to be ${edge.proxy}`]),
    ...hops.flatMap(([caller, callee]) => hopFaults(spans, byId, { caller, callee })),
    ...edgeFaults(spans, byId),
  ];
}

const nameOf = ({ service, kind, name }: Span): string => `${service} ${kind} ${name}`;
const isProxyOf = (program: string, { service }: Span): boolean => service.startsWith(`${program}.`);

/** The chain of a hop, from the callee's program upward: its own proxy, the caller's proxy, the caller's program. */
function hopFaults(
  spans: readonly Span[],
  byId: ReadonlyMap<string, Span>,
  { caller, callee }: { readonly caller: string; readonly callee: string },
): readonly string[] {
  const isHop = (served: Span): boolean => {
    const inbound = byId.get(served.parent);
    const outbound = byId.get(inbound?.parent ?? '');
    const calling = byId.get(outbound?.parent ?? '');
    return (
      inbound !== undefined &&
      outbound !== undefined &&
      calling !== undefined &&
      isProxyOf(callee, inbound) &&
      inbound.kind === 'server' &&
      isProxyOf(caller, outbound) &&
      outbound.kind === 'client' &&
      calling.service === caller &&
      calling.kind === 'client'
    );
  };
  const served = spans.filter(({ service, kind }) => service === callee && kind === 'server');
  return served.some(isHop) ? [] : [`no hop ${caller} -> ${callee} with both proxies`];
}

function edgeFaults(spans: readonly Span[], byId: ReadonlyMap<string, Span>): readonly string[] {
  const served = spans.filter(({ service, kind }) => service === edge.program && kind === 'server');
  const isBehindEdge = (span: Span): boolean => {
    const inbound = byId.get(span.parent);
    const above = byId.get(inbound?.parent ?? '');
    return inbound !== undefined && isProxyOf(edge.program, inbound) && above?.service === edge.proxy;
  };
  return served.some(isBehindEdge) ? [] : [`no hop ${edge.proxy} -> ${edge.program} with both proxies`];
}
