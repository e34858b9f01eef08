import { passThroughTracing, type Tracing, tracingWith } from './tracing.ts';
import { within } from './within.ts';

/** Tracing, and its end. */
export interface Telemetry {
  readonly tracing: Tracing;
  /** Sends what is queued, for a bounded time; never throws. */
  shutdown(): Promise<void>;
}

/** Where spans go, and how many. */
export interface TelemetryProps {
  readonly service: string;
  readonly namespace: string;
  /** Base URL of an OTLP/HTTP collector; undefined: nothing is recorded, contexts still pass through. */
  readonly endpoint: string | undefined;
  /** The share of new traces that is recorded; a caller's decision always wins. */
  readonly sampleRatio: number;
}

const exportMs = 2000;
const batchDelayMs = 500;
const mostQueuedSpans = 2048;
const mostSpansPerBatch = 512;

const withoutExport: Telemetry = { tracing: passThroughTracing, shutdown: async () => {} };

/**
 * Starts telemetry. The SDK costs start-up time and memory, so it is loaded only when there is somewhere to send spans.
 * A collector that is dead or slow costs spans, never calls: the queue is bounded and an export is given up in time.
 */
export async function startTelemetry(props: TelemetryProps): Promise<Telemetry> {
  if (props.endpoint === undefined) return withoutExport;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${props.endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: exportMs,
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': props.service, 'service.namespace': props.namespace }),
    sampler: new sdk.AlwaysOnSampler(),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        maxQueueSize: mostQueuedSpans,
        maxExportBatchSize: mostSpansPerBatch,
        scheduledDelayMillis: batchDelayMs,
        exportTimeoutMillis: exportMs,
      }),
    ],
  });
  const tracing = tracingWith(provider.getTracer('meshwright'), { ratio: props.sampleRatio });
  return {
    tracing,
    shutdown: () =>
      within(
        exportMs,
        provider.shutdown().catch(() => {}),
      ),
  };
}
