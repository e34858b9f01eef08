/** The callee's key of a grant: whom a workload lets in, per method, and under which end-user claims. */
import { declaredAt, type MethodReference, type Route } from '../../services/runtime/declaration.ts';

/** What is admitted: a gRPC method, an HTTP route or a TCP port of the callee. */
export type AdmittedTarget =
  | { readonly kind: 'method'; readonly method: MethodReference }
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'port'; readonly port: number };

/** Who may come in. */
export interface AdmissionTerms {
  /** Names of the calling workloads in the catalog. */
  readonly from: readonly string[];
  /** The user's token must carry one of these scopes; absent when no user is asked for. */
  readonly userScope?: readonly string[];
  /** Why nobody calls it yet; without this an admission without a call is a problem. */
  readonly reserved?: string;
}

/** One admission with the place where it was written. */
export interface Admission extends AdmissionTerms {
  readonly callee: string;
  readonly target: AdmittedTarget;
  readonly source: string;
}

/** An admission before its callee is known. */
export type AdmissionEntry = Omit<Admission, 'callee'>;

/** Admits callers to one gRPC method. */
export function admit(method: MethodReference, terms: AdmissionTerms): AdmissionEntry {
  return { ...terms, target: { kind: 'method', method }, source: declaredAt(1) };
}

/** Admits callers to one HTTP route. */
export function admitRoute(route: Route, terms: AdmissionTerms): AdmissionEntry {
  return { ...terms, target: { kind: 'route', route }, source: declaredAt(1) };
}

/** Admits callers to one TCP port. */
export function admitPort(port: number, terms: AdmissionTerms): AdmissionEntry {
  return { ...terms, target: { kind: 'port', port }, source: declaredAt(1) };
}

/** Everything that the workload `callee` admits. */
export function admissionsOf(callee: string, entries: readonly AdmissionEntry[]): readonly Admission[] {
  return entries.map((entry) => ({ ...entry, callee }));
}
