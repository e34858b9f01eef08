/**
 * The declared relation as `dist/<environment>/intent.json` holds it: who may call what, and under which user claims.
 * This is the form in which intent leaves this folder; analysis and tests read the JSON, never these functions.
 */

/** Who calls: a workload identity, anybody on the internet, or the node itself (kubelet). */
export type Caller =
  | {
      readonly kind: 'workload';
      readonly trustDomain?: string;
      readonly namespace: string;
      readonly serviceAccount: string;
    }
  | { readonly kind: 'internet' }
  | { readonly kind: 'node' };

/** What is called: a workload of the cluster or a host outside the mesh. */
export type Callee =
  | { readonly kind: 'workload'; readonly namespace: string; readonly workload: string }
  | { readonly kind: 'external'; readonly host: string };

/** The end user that a request must carry: all claims must hold, each by one of its values. */
export interface UserRequirement {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly claims: readonly { readonly claim: string; readonly values: readonly string[] }[];
}

/** One permitted call: caller may send `http` (or raw bytes) to `port` of callee. */
export interface Grant {
  readonly caller: Caller;
  readonly callee: Callee;
  readonly protocol: 'grpc' | 'http' | 'tcp' | 'udp';
  /** Container port. */
  readonly port: number;
  /** Method and path (gRPC: `POST` and `/package.Service/Method`; HTTP: `{name}` stands for one segment); null for raw bytes. */
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly user: UserRequirement | null;
  /**
   * No proxy stands before the port, so that NetworkPolicy alone can stop other calls; `http` and `user` are null.
   * @default - every layer guards it
   */
  readonly guardedBy?: 'network-policy';
  readonly reason: string;
  readonly owner: string;
  /** The day after which the grant must be gone, `2027-06-30`. */
  readonly expires?: string;
  /** Where the caller declared it, `services/order/service.ts:12`. */
  readonly source?: string;
  /** Where the callee admitted it, `policies/intent/execution.ts:9`. */
  readonly admittedAt?: string;
  /** The longest the call may take, in milliseconds; for a stream its greatest age. */
  readonly timeoutMs?: number;
  /** Whether a repetition is harmless; only then may proxies retry. */
  readonly idempotent?: boolean;
  /** The route that the contract annotates the gRPC method with, `POST /trades`. */
  readonly route?: string;
}

/** A pod that somebody else installs: callees name it by `workload`, callers by `serviceAccount`. */
export interface ClusterPod {
  readonly namespace: string;
  readonly workload: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Everything that may be called in one environment. */
export interface Intent {
  readonly version: 1;
  readonly trustDomain: string;
  readonly grants: readonly Grant[];
  /** What the platform itself needs: ingress, probes, scrapes, DNS, control plane, trace export. */
  readonly platform: readonly Grant[];
  /** Pods that the cluster runs beside the manifests and that grants name: what selectors find them under. */
  readonly pods?: readonly ClusterPod[];
  /** Namespaces whose pods are confined: Pod Security Standard `restricted`, and no token for the API server. */
  readonly confined?: readonly string[];
  /**
   * Whose an identity is, where an issuer beside Istio's own asks more than the account: with `proxies` no pod but the
   * workload's own gets it, and of those the proxy alone.
   */
  readonly identitiesBoundTo?: 'proxies';
  /** Who issues users' tokens, with public keys, and the header in which services read the verified claims. */
  readonly issuers?: readonly {
    readonly issuer: string;
    readonly jwks: unknown;
    readonly payloadHeader: string;
  }[];
}

/** A declaration that cannot stand: what is wrong, where (both places when two keys disagree), and how to mend it. */
export interface IntentProblem {
  readonly code: string;
  readonly message: string;
  readonly sources: readonly string[];
  readonly help: string;
}
