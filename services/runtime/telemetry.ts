import { type Tracer, trace } from '@opentelemetry/api';
import type { NodeSDK } from '@opentelemetry/sdk-node';
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
  const [{ NodeSDK }, { AlwaysOnSampler, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/resources'),
    ]);
  const url = `${props.endpoint.replace(/\/+$/, '')}/v1/traces`;
  const processor = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter({ url, timeoutMillis: exportMs }),
    maxQueueSize: mostQueuedSpans,
    maxExportBatchSize: mostSpansPerBatch,
    scheduledDelayMillis: batchDelayMs,
    exportTimeoutMillis: exportMs,
  });
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': props.service, 'service.namespace': props.namespace }),
    autoDetectResources: false,
    sampler: new AlwaysOnSampler(),
    spanProcessors: [processor],
    textMapPropagator: null,
    // The SDK exports metrics and logs as well when these are left out.
    metricReaders: [],
    logRecordProcessors: [],
  });
  const tracing = tracingWith(tracerOf(sdk), { ratio: props.sampleRatio });
  return {
    tracing,
    shutdown: () =>
      within(
        exportMs,
        sdk.shutdown().catch(() => {}),
      ),
  };
}

/**
 * Starts the SDK and takes its tracer from the process-wide API, which is then free again: whoever starts two services
 * in one process, as tests do, gets the spans of each under its own name.
 */
function tracerOf(sdk: NodeSDK): Tracer {
  sdk.start();
  const tracer = trace.getTracer('meshwright');
  trace.disable();
  return tracer;
}
