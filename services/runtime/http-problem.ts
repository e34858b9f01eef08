import { STATUS_CODES } from 'node:http';
import { httpStatusOf, type RpcError, status } from './rpc-error.ts';

/** The media type of a problem. Source: RFC 9457. */
export const problemType = 'application/problem+json; charset=utf-8';

/** The body of every HTTP answer that is an error. Shape: `{title: 'Not Found', status: 404, code: 'NOT_FOUND', detail: …, traceId: …}`. */
export interface HttpProblem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** The name of the gRPC code, which is finer than the HTTP status. */
  readonly code: string;
  readonly detail: string;
  readonly traceId: string;
}

/** The problem that tells an error to an HTTP client; `httpStatus` only where HTTP itself refused the request. */
export function problemOf(error: RpcError, traceId: string, httpStatus = httpStatusOf(error.code)): HttpProblem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[httpStatus] ?? 'Client Closed Request',
    status: httpStatus,
    code: status[error.code] ?? 'UNKNOWN',
    detail: error.message,
    traceId,
  };
}

/** JSON with int64 as decimal strings. Source: the JSON mapping of Protocol Buffers. */
export function printJson(value: unknown): string {
  return JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? member.toString() : member)) ?? 'null';
}
