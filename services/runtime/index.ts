/** The runtime that every service uses. `main.ts` of a service calls `runService`. */
export type { CallContext } from './call-context.ts';
export type { Database, Transaction } from './database.ts';
export type { CallOptions, Handlers, PromiseClient } from './grpc-definition.ts';
export type { HttpAnswer, HttpRequest, HttpRoute, HttpServiceParts, ServerSentEvent } from './http-contract.ts';
export type { Logger } from './logging.ts';
export { RpcError, status } from './rpc-error.ts';
export { runService } from './run-service.ts';
export {
  type Build,
  type GrpcServiceParts,
  type RunningService,
  type ServiceContext,
  startService,
} from './start-service.ts';
export type { TraceContext } from './trace-context.ts';
export { requireUser, type User } from './user.ts';
