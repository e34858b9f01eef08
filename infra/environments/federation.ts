import type { MethodReference } from '#services/runtime/declaration.ts';

/** Another trust domain whose workloads may be admitted here; both domains keep a root and a SPIRE of their own. */
export interface FederatedDomain {
  readonly trustDomain: string;
  /** Where its SPIRE server publishes its roots, `https://spire.partner.example:8443`. */
  readonly bundleEndpoint: string;
  /** Address ranges from which its workloads call. */
  readonly callerRanges: readonly string[];
  /** What its workloads may call here; nothing else. */
  readonly admits: readonly FederatedAdmission[];
}

/** One workload of the other domain and the methods that it may call. */
export interface FederatedAdmission {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name of the workload of our catalog. */
  readonly callee: string;
  readonly methods: readonly MethodReference[];
  readonly reason: string;
  readonly owner: string;
  /** A day, `2027-06-30`, after which `make verify ON=…` names it. */
  readonly expires?: string;
}
