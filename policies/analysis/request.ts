/** The one request type that all evaluators share, parsed once from its JSON form. Source: semantics.md 2. */

/** An address as 32-bit words: one for IPv4, four for IPv6. */
export type Address = readonly number[];

/** A workload by name. */
export interface WorkloadReference {
  readonly namespace: string;
  readonly workload: string;
}

/** A pod that the manifests do not hold: what a request says of it is all that is known. */
export interface Pod extends WorkloadReference {
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it gets a sidecar where its namespace has them injected. @default 'none' */
  readonly sidecar?: 'none' | 'asNamespaceSays';
}

/** Who calls: in plaintext, with a client certificate, or as a workload of the mesh. */
export type Caller =
  | { readonly kind: 'plaintext' }
  | Certificate
  | { readonly kind: 'workload'; readonly reference: WorkloadReference };

/** What a client certificate says of its owner. */
export interface Certificate {
  readonly kind: 'mtls';
  /** The URI SANs, of which handshakes ask one to be of an accepted trust domain. */
  readonly identities: readonly string[];
  /** DNS SANs and the subject: rules read them as they read URI SANs. @default none */
  readonly names?: readonly string[];
}

/** A bearer token in `authorization`, and what is wrong with it. */
export interface Token {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly fault: 'none' | 'signature' | 'expired' | 'audience';
}

/** The HTTP part of a request; header names are in lower case. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** Dynamic metadata by filter (`envoy.filters.…`) and key: a text or a list of texts. */
export type Metadata = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** One request to one port of one workload. `http` null stands for raw TCP bytes, an address null for unknown. */
export interface Request {
  readonly id: string;
  readonly caller: Caller;
  /** The direct peer. */
  readonly sourceIp: Address | null;
  /** The derived remote address; on a TCP chain the peer counts instead. */
  readonly remoteIp: Address | null;
  readonly destination: WorkloadReference & { readonly port: number; readonly ip: Address | null };
  readonly http: HttpRequest | null;
  readonly token: Token | null;
  /** '' when none was sent. */
  readonly sni: string;
  /** What filters of the destination's proxy set for the request, by filter and key. @default - nothing */
  readonly metadata?: Metadata;
  /** Pods that stand beside those of the manifests for this request; source and destination may name them. */
  readonly pods?: readonly Pod[];
}
