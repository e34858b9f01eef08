import { status } from '@grpc/grpc-js';

export { status };

/**
 * The one error of the service edge: a gRPC status code and a message that the caller may read.
 * Everything else that a handler throws reaches the caller as INTERNAL "internal error"; see `toRpcError`.
 */
export class RpcError extends Error {
  readonly code: status;

  constructor(code: status, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'RpcError';
    this.code = code;
  }
}

/** The one mapper: an `RpcError` stays what it is, anything else becomes INTERNAL "internal error" with the original as cause. */
export function toRpcError(thrown: unknown): RpcError {
  return thrown instanceof RpcError ? thrown : new RpcError(status.INTERNAL, 'internal error', { cause: thrown });
}

const httpStatusByCode: Readonly<Record<number, number>> = {
  [status.OK]: 200,
  [status.CANCELLED]: 499,
  [status.UNKNOWN]: 500,
  [status.INVALID_ARGUMENT]: 400,
  [status.DEADLINE_EXCEEDED]: 504,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.PERMISSION_DENIED]: 403,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.FAILED_PRECONDITION]: 400,
  [status.ABORTED]: 409,
  [status.OUT_OF_RANGE]: 400,
  [status.UNIMPLEMENTED]: 501,
  [status.INTERNAL]: 500,
  [status.UNAVAILABLE]: 503,
  [status.DATA_LOSS]: 500,
  [status.UNAUTHENTICATED]: 401,
};

/** The HTTP status of a gRPC code. Source: the table of google.rpc.Code. */
export function httpStatusOf(code: status): number {
  return httpStatusByCode[code] ?? 500;
}
