import type { Resources } from './resources.ts';

/**
 * Who signs the certificates of the mesh's workloads. No policy depends on it: every issuer writes the same
 * `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, and the policies name nothing else.
 */
export type Identity =
  /** istiod's own CA. */
  { readonly kind: 'istio' } | SpireIdentity;

/** SPIRE signs; its agent hands certificates to the proxies over a UNIX socket. */
export interface SpireIdentity {
  readonly kind: 'spire';
  readonly installation: SpireInstallation;
  /** Lifetime of a leaf in hours, minutes or seconds (`1h`, `2m`); the agent renews it at half of that. */
  readonly leafLifetime: string;
}

/** Where SPIRE comes from. */
export type SpireInstallation =
  /** The cluster has it, with its CSI driver: only the registrations of our workloads are rendered. */
  | {
      readonly kind: 'existing';
      /** Class of its controller manager; objects of another class, or of none, are silently ignored. */
      readonly className: string;
      /** File name of the agent's socket. Any name but Istio's own `socket`, which would make a missing agent silent. */
      readonly socketFile: string;
    }
  /** Server, agent, CSI driver and controller manager are rendered too. */
  | {
      readonly kind: 'rendered';
      /** Name under which the agents attest; part of their own SPIFFE IDs. */
      readonly clusterName: string;
      /** `unverified` where kubelets serve a self-signed certificate, as on kind. */
      readonly kubelet: 'verified' | 'unverified';
      readonly authority: SpireAuthority;
      /** Size of the server's volume: entries and, for an authority of its own, its keys. */
      readonly storage: string;
      readonly resources: {
        readonly server: Resources;
        readonly agent: Resources;
        readonly driver: Resources;
      };
    };

/** Where the server's own signing certificate comes from. */
export type SpireAuthority =
  /** It signs itself, and is the root. */
  | { readonly kind: 'selfSigned'; readonly lifetime: string }
  /**
   * A root outside signs it (Secret with `tls.crt`, `tls.key` and `bundle.crt` in the server's namespace). With the same
   * root above istiod, workloads of both issuers trust each other, and a mesh can be moved workload by workload.
   */
  | { readonly kind: 'upstream'; readonly lifetime: string; readonly secretName: string };
