import type { CallContext } from './call-context.ts';
import { RpcError, status } from './rpc-error.ts';

/** What a child call leaves of its parent's time, so that the parent can still answer: milliseconds. */
export const deadlineMarginMs = 20;

/** What bounds one outgoing call. */
export interface DeadlineBounds {
  /** The declared time of the call. */
  readonly declaredMs: number;
  /** What the caller asks for; it can only shorten the declared time. */
  readonly askedMs?: number | undefined;
  readonly parent?: Pick<CallContext, 'remainingMs'> | undefined;
}

/**
 * The time that an outgoing call gets, in milliseconds: the least of what is declared, what is asked for, and what the
 * parent has left minus the margin.
 * Errors: throws `RpcError` DEADLINE_EXCEEDED when nothing is left, so that a call without hope is never sent.
 */
export function timeoutFor({ declaredMs, askedMs, parent }: DeadlineBounds): number {
  let timeoutMs = declaredMs;
  if (askedMs !== undefined && askedMs < timeoutMs) timeoutMs = askedMs;
  if (parent !== undefined) timeoutMs = Math.min(timeoutMs, parent.remainingMs() - deadlineMarginMs);
  if (!(timeoutMs > 0)) throw new RpcError(status.DEADLINE_EXCEEDED, 'no time is left for this call');
  return timeoutMs;
}
