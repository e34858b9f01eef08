import { Metadata } from '@grpc/grpc-js';
import type { CallContext, Logger } from '../runtime/index.ts';
import { parseTraceparent } from '../runtime/trace-context.ts';

/** What work outside a served call is made with. */
export interface BackgroundProps {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The trace of the call that the work goes back to. */
  readonly traceparent?: string;
}

/**
 * The parent of calls that are made on nobody's time: they have the whole of their declared time, no user, and continue
 * the trace of the order, so that a settlement is seen in the trace of the order that led to it.
 */
export function backgroundCall({ log, signal, traceparent }: BackgroundProps): CallContext {
  const trace = parseTraceparent(traceparent);
  return {
    user: undefined,
    signal,
    log,
    metadata: new Metadata(),
    remainingMs: () => Number.MAX_SAFE_INTEGER,
    end: () => {},
    ...(trace === undefined ? {} : { trace }),
  };
}
