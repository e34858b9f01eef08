/** What a cluster may bring of its own: a database, a collector of traces, further clusters, a deliverer of manifests. */

/** Where PostgreSQL is. */
export type DatabasePlace =
  /** A StatefulSet of ours, inside the mesh. */
  | { readonly kind: 'inCluster'; readonly name: string; readonly storage: string }
  /** A server outside the mesh. The services speak TLS to it themselves and check it against `ca.crt` of a Secret. */
  | {
      readonly kind: 'external';
      readonly name: string;
      readonly host: string;
      readonly port: number;
      /** Address ranges of the server: the only ones that NetworkPolicies open, private ones included. */
      readonly addresses: readonly string[];
      /** Secret with `ca.crt`, in the services' namespace; made out of band. */
      readonly caSecret: string;
    };

/** Where spans go: OTLP over gRPC from proxies, over HTTP from applications. */
export type TraceCollector =
  /** Jaeger of ours, inside the mesh. */
  | { readonly kind: 'inCluster' }
  /** A collector that the cluster has; its pods carry `app.kubernetes.io/name: <service>`. */
  | {
      readonly kind: 'existing';
      readonly namespace: string;
      readonly service: string;
      readonly grpcPort: number;
      readonly httpPort: number;
    };

/** Another cluster of the same trust domain and the same pod network, running the same workloads. */
export interface PeerCluster {
  /** Address ranges of its pods, which NetworkPolicies cannot name otherwise. */
  readonly podRanges: readonly string[];
}

/** How this cluster takes part in a mesh of several. */
export type MeshExtent =
  | { readonly kind: 'oneCluster' }
  | {
      readonly kind: 'severalClusters';
      readonly meshId: string;
      /** This cluster's own name, unique in the mesh. */
      readonly clusterName: string;
      readonly network: string;
      readonly peers: readonly PeerCluster[];
    };

/** How manifests reach the cluster. */
export type Delivery =
  /** People apply them. */
  | { readonly kind: 'applied' }
  /** Argo CD takes them from a repository; its Application is rendered beside the manifests. */
  | {
      readonly kind: 'argoCd';
      readonly repository: string;
      readonly revision: string;
      /** Folder of the repository that holds what `manifests/` holds here. */
      readonly path: string;
      /** Where Argo CD runs. */
      readonly namespace: string;
    };
