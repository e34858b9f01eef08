import type { FederatedDomain } from './federation.ts';
import type { Identity } from './identity.ts';
import type { Resources } from './resources.ts';
import type { DatabasePlace, Delivery, MeshExtent, TraceCollector } from './surroundings.ts';

/** How many replicas a stateless workload has: a fixed number, or between two bounds by CPU use. */
type ReplicaPlan =
  | { readonly kind: 'fixed'; readonly replicas: number }
  | { readonly kind: 'scaled'; readonly minimum: number; readonly maximum: number; readonly cpuPercent: number };

/** How clients reach the ingress gateway. */
type Exposure = { readonly kind: 'nodePort'; readonly nodePort: number } | { readonly kind: 'loadBalancer' };

/** Everything that differs between places where the platform runs, and nothing else. */
export interface Environment {
  readonly name: string;
  /** Trust domain of every SPIFFE ID; written out in every principal. */
  readonly trustDomain: string;
  readonly identity: Identity;
  /** Trust domains that SPIRE exchanges roots with. Roots alone admit nobody: grants do. */
  readonly federation: readonly FederatedDomain[];
  /** Istio's root namespace: policies there hold for the whole mesh. */
  readonly rootNamespace: string;
  /** Whose tokens count. `jwksFile` is relative to the repository root and holds public keys only. */
  readonly users: { readonly issuer: string; readonly audiences: readonly string[]; readonly jwksFile: string };
  /** The one public host, and the name of the TLS Secret that exists in the ingress namespace. */
  readonly ingress: { readonly host: string; readonly credentialName: string; readonly exposure: Exposure };
  /** Where the images of this repository's services come from: `registry/<service>:tag`. */
  readonly images: { readonly registry: string; readonly tag: string };
  readonly replicas: ReplicaPlan;
  readonly resources: {
    readonly service: Resources;
    readonly postgres: Resources;
    readonly jaeger: Resources;
    readonly gateway: Resources;
    readonly sidecar: Resources;
    readonly istiod: Resources;
    readonly cni: Resources;
  };
  /** Replicas of istiod; with more than one it gets a PodDisruptionBudget. */
  readonly istiodReplicas: number;
  readonly database: DatabasePlace;
  readonly collector: TraceCollector;
  readonly extent: MeshExtent;
  readonly delivery: Delivery;
  /** Part of the requests that is traced, 0 to 100; the ingress gateway decides, everybody else follows. */
  readonly tracingPercentage: number;
  /** How long an application drains after SIGTERM, in milliseconds. */
  readonly drainMs: number;
}
