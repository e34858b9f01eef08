import { randomFillSync } from 'node:crypto';

/** The place of a call in a trace. Shape: hex ids of 32 and 16 characters. Source: W3C Trace Context, level 1. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** The `tracestate` header, passed on as it came. */
  readonly state?: string;
}

const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeroTrace = '0'.repeat(32);
const zeroSpan = '0'.repeat(16);

/** Parses a `traceparent` header; undefined when it is absent or not valid, so that a new trace begins. */
export function parseTraceparent(header: string | undefined, state?: string): TraceContext | undefined {
  if (header === undefined) return undefined;
  const match = traceparentForm.exec(header);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (traceId === zeroTrace || spanId === zeroSpan) return undefined;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  return state === undefined || state === '' ? { traceId, spanId, sampled } : { traceId, spanId, sampled, state };
}

/** Prints the `traceparent` header of a context. */
export function printTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

const idBytes = 24;
const pool = Buffer.alloc(idBytes * 128);
let poolOffset = pool.length;

/** A new trace that nobody samples: its id still joins the log lines of all services that the call reaches. */
export function unsampledRoot(): TraceContext {
  // One system call for many ids: this runs for every call that is not traced.
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const ids = pool.toString('hex', poolOffset, poolOffset + idBytes);
  poolOffset += idBytes;
  return { traceId: ids.slice(0, 32), spanId: ids.slice(32), sampled: false };
}
