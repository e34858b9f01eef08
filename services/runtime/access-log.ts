import type { Logger } from 'pino';
import type { ServedCall } from './call-context.ts';
import { type RpcError, status } from './rpc-error.ts';

/** How one served call went. */
export interface Outcome {
  readonly code: status;
  readonly peer: string;
  /** From `performance.now()`. */
  readonly startedAt: number;
  readonly error?: RpcError | undefined;
  /** The HTTP status of the answer, where the call came by HTTP. */
  readonly httpStatus?: number | undefined;
}

/**
 * Writes the one line that every served call leaves: trace id, method, peer, code, duration in milliseconds; never a payload.
 * An error hidden from the caller is logged with its cause.
 */
export function logCall(log: Logger, call: ServedCall, outcome: Outcome): void {
  const { code, error } = outcome;
  const line = {
    traceId: call.trace.traceId,
    method: call.method,
    peer: outcome.peer,
    code: status[code],
    ...(outcome.httpStatus === undefined ? {} : { status: outcome.httpStatus }),
    durationMs: Math.round((performance.now() - outcome.startedAt) * 1000) / 1000,
  };
  if (code === status.INTERNAL || code === status.UNKNOWN || code === status.DATA_LOSS) {
    log.error(error === undefined ? line : { ...line, err: error.cause ?? error }, 'call failed');
  } else if (error?.cause !== undefined) {
    log.info({ ...line, cause: describe(error.cause) }, 'call');
  } else {
    log.info(line, 'call');
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : typeof cause;
}
