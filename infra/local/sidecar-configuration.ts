/** What the launcher tells one sidecar, as a JSON file; all paths are absolute. */
export interface SidecarConfiguration {
  readonly workload: { readonly namespace: string; readonly name: string };
  /** The folder of rendered manifests to enforce. */
  readonly manifests: string;
  /** The folder in which the workload's certificate is renewed. */
  readonly identity: string;
  /** The address on which every workload's container ports are. Shape: `127.0.0.1`. */
  readonly address: string;
  readonly inbound: readonly InboundPort[];
  readonly outbound: readonly OutboundPort[];
  /** Receives one JSON line an exchange or connection. */
  readonly accessLog: string;
  /** UNIX socket of the health server. */
  readonly admin: string;
  /** UNIX socket of the collector. */
  readonly collector: string;
  /** The certificate that clients outside the mesh see, where the workload is the ingress gateway. */
  readonly edge: EdgeFiles | null;
  readonly enforcement: Enforcement;
}

/** Forwards one container port to the application's UNIX socket; null where routes lead on (an ingress gateway). */
export interface InboundPort {
  readonly port: number;
  readonly application: string | null;
}

/** Offers one host of the mesh to the application on a UNIX socket. */
export interface OutboundPort {
  /** Shape: `risk.trading.svc.cluster.local`. */
  readonly host: string;
  /** The Service port. */
  readonly port: number;
  readonly socket: string;
}

/** PEM files of an ingress gateway. */
export interface EdgeFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/**
 * `policies`: what the manifests say. The others exist so that a test can see its own probes turn red: `nothing` lets
 * every connection and request pass, `alwaysAllows` keeps transport and tokens but swaps the decision for 'allow'.
 */
export type Enforcement = 'policies' | 'nothing' | 'alwaysAllows';
