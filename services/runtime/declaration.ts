/**
 * The types in which a service declares itself: identity, contract, and what it calls. Declarations are data;
 * they are one of the two keys of a grant (the other is the callee's file in `policies/intent/`).
 */

import { fileURLToPath } from 'node:url';

/** One gRPC method as the generated descriptors hold it. Source: `services/gen/descriptors.ts`. */
export interface MethodReference {
  readonly service: string;
  readonly name: string;
  /** The request path on the wire, `/package.Service/Method`. */
  readonly path: string;
  /** The `google.api.http` annotation, null when there is none. */
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly idempotency: 'none' | 'idempotent' | 'noSideEffects';
}

/** One gRPC service as the generated descriptors hold it. */
export interface ServiceReference {
  readonly typeName: string;
  readonly methods: Readonly<Record<string, MethodReference>>;
}

/** One HTTP route: method and path template (`/orders/{client_order_id}`), and the gRPC method that it fronts, if any. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly fronts?: MethodReference;
}

/** What listens on one container port of a workload. */
export type Contract =
  | { readonly kind: 'grpc'; readonly port: number; readonly services: readonly ServiceReference[] }
  | { readonly kind: 'http'; readonly port: number; readonly routes: readonly Route[] }
  | { readonly kind: 'tcp'; readonly port: number };

/** Why a call exists and who answers for it; `expires` is a day (`2027-06-30`) after which the call must be gone. */
export interface CallTerms {
  readonly reason: string;
  readonly owner: string;
  readonly expires?: string;
  /** The longest the call may take, in milliseconds; for a stream its greatest age. */
  readonly timeoutMs: number;
}

/** Where something was declared: path from the repository root and line, `services/order/service.ts:12`. */
export type DeclarationSource = string;

/** What a call goes to. A gRPC method names its callee by itself: the workload whose contract holds it. */
export type CallTarget =
  | { readonly kind: 'method'; readonly method: MethodReference }
  | { readonly kind: 'route'; readonly callee: string; readonly route: Route }
  | { readonly kind: 'port'; readonly callee: string; readonly port: number }
  | { readonly kind: 'external'; readonly host: string; readonly port: number };

/** One declared call: the caller's key of a grant. */
export interface CallDeclaration extends CallTerms {
  readonly target: CallTarget;
  readonly source: DeclarationSource;
}

/** How many replicas a workload may have: any number, or exactly one because it is the only writer or the only fan-out. */
export type Scaling = 'stateless' | 'singleton';

/** A workload as its team declares it. */
export interface ServiceDeclaration {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** `service`: code of this repository; `platform`: a stock program that takes part in the mesh. */
  readonly kind: 'service' | 'platform';
  readonly owner: string;
  readonly contracts: readonly Contract[];
  readonly calls: readonly CallDeclaration[];
  readonly scaling: Scaling;
  /** The schema (and role of the same name) that the service keeps its state in. */
  readonly database?: { readonly schema: string };
}

const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The place of the call that is `depth` frames above the caller of this function.
 * Shape: `services/order/service.ts:12`. Errors: throws when the runtime gives no stack.
 */
export function declaredAt(depth: number): DeclarationSource {
  const frame = new Error('declared here').stack?.split('\n')[depth + 2] ?? '';
  const place = /((?:file:\/\/)?\/[^():]+):(\d+):\d+/.exec(frame);
  if (place?.[1] === undefined) throw new Error(`cannot tell where a declaration stands: got stack frame \`${frame}\``);
  const path = place[1].startsWith('file:') ? fileURLToPath(place[1]) : place[1];
  return `${path.startsWith(repositoryRoot) ? path.slice(repositoryRoot.length) : path}:${place[2]}`;
}

/** Declares a call of one gRPC method. */
export function call(method: MethodReference, terms: CallTerms): CallDeclaration {
  return { ...terms, target: { kind: 'method', method }, source: declaredAt(1) };
}

/** Declares a call of one HTTP route of the workload `callee`. */
export function callRoute(callee: string, route: Route, terms: CallTerms): CallDeclaration {
  return { ...terms, target: { kind: 'route', callee, route }, source: declaredAt(1) };
}

/** Declares connections to one TCP port of the workload `callee`. */
export function connect(callee: string, port: number, terms: CallTerms): CallDeclaration {
  return { ...terms, target: { kind: 'port', callee, port }, source: declaredAt(1) };
}

/** Declares HTTPS requests to a host outside the mesh. */
export function callExternal(host: string, port: number, terms: CallTerms): CallDeclaration {
  return { ...terms, target: { kind: 'external', host, port }, source: declaredAt(1) };
}

/** The HTTP route that a method's `google.api.http` annotation describes. Errors: throws when the method has none. */
export function routeOf(method: MethodReference): Route {
  if (method.http === null) throw new Error(`method \`${method.path}\` has no google.api.http annotation`);
  return { method: method.http.method, path: method.http.path, fronts: method };
}
