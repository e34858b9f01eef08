/**
 * The model that `parseMesh` gives and analysis reads: plain readonly values, each with the place it came from.
 * Read `authorization.ts` next for policies' rules, `traffic.ts` for routing.
 */

import type { Capture, Waypoint, WaypointUse } from './ambient.ts';
import type { Attachment, AuthorizationPolicy, Cidr } from './authorization.ts';
import type { Location } from './problem.ts';
import type { IdentityIssuer, Registration } from './registration.ts';
import type { DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService } from './traffic.ts';

/** Everything that was read, in the order of the documents. */
export interface Mesh {
  readonly config: MeshConfig;
  readonly namespaces: readonly Namespace[];
  readonly serviceAccounts: readonly ServiceAccount[];
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly sidecars: readonly Sidecar[];
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly gateways: readonly Gateway[];
  readonly waypoints: readonly Waypoint[];
  /** Where SPIRE issues certificates: who gets which identity, and the settings of those who serve that. */
  readonly registrations: readonly Registration[];
  readonly identityIssuers: readonly IdentityIssuer[];
  /** Documents of kinds that have no meaning here; some of them are assumptions of every verdict. */
  readonly unmodelled: readonly Unmodelled[];
}

/** Labels or annotations. */
export type Labels = Readonly<Record<string, string>>;

/** What every named object has. */
export interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly at: Location;
}

/** The mesh-wide settings that verdicts depend on. Source: istio `MeshConfig`. */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** Trust domains of `caCertificates[]`: accepted in handshakes, not used for rewriting. */
  readonly certificateTrustDomains: readonly string[];
  readonly rootNamespace: string;
  readonly pathNormalization: PathNormalization;
  readonly outboundTrafficPolicy: OutboundMode;
  readonly extensionProviders: readonly ExtensionProvider[];
}

/** Source: semantics.md 6. */
export type PathNormalization = 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

/** What a sidecar does with hosts outside its registry. Source: semantics.md 10. */
export type OutboundMode = 'ALLOW_ANY' | 'REGISTRY_ONLY';

/** A provider of `extensionProviders`; only external authorization has a part in verdicts. */
export interface ExtensionProvider {
  readonly name: string;
  readonly kind: 'authorizationGrpc' | 'authorizationHttp' | 'other';
}

/** Whether a sidecar is injected: `unstated` when no label or annotation says so. */
export type Injection = 'on' | 'off' | 'unstated';

/** A Namespace. */
export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
  readonly injection: Injection;
  readonly at: Location;
}

/** A ServiceAccount. */
export interface ServiceAccount extends Named {
  /** Whether pods that do not say otherwise get its token for the API server. */
  readonly mountsToken: boolean;
}

/** One declared container port; `name` is '' when the port has none. */
export interface ContainerPort {
  readonly name: string;
  readonly number: number;
  readonly protocol: Protocol;
}

/** A transport protocol of Kubernetes. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** A Deployment, StatefulSet, DaemonSet, Job, CronJob, ReplicaSet or Pod, seen as its pod template. */
export interface Workload extends Named {
  readonly kind: string;
  readonly labels: Labels;
  /** The pods that it takes for its own: its `selector`, or all labels of its template where it has none. */
  readonly ownPods: LabelSelector;
  readonly annotations: Labels;
  readonly serviceAccount: string;
  readonly ports: readonly ContainerPort[];
  /** What the pod template itself says; the namespace may say it for `unstated`. */
  readonly injection: Injection;
  /** Whether the pod template itself says that its proxy is a gateway's: by injection template, or by bringing it along. */
  readonly proxy: 'gateway' | 'unstated';
  /** What the pod template itself says of ambient. */
  readonly capture: Capture;
  /** What the pod template leaves open of a confined pod, in words: 'the API token is mounted'; none where it is confined. */
  readonly looseEnds: readonly string[];
}

/** A Kubernetes Service. A Service without selector selects nothing. */
export interface Service extends Named {
  readonly selector: { readonly kind: 'none' } | { readonly kind: 'labels'; readonly labels: Labels };
  readonly headless: boolean;
  /** Which waypoint calls to it go through, as its own labels say. */
  readonly waypoint: WaypointUse;
  readonly ports: readonly ServicePort[];
  readonly createdAt: string;
}

/** One Service port. `protocol` is what Istio makes of `appProtocol`, else of the name's prefix. */
export interface ServicePort {
  readonly name: string;
  readonly number: number;
  readonly target:
    | { readonly kind: 'number'; readonly number: number }
    | { readonly kind: 'named'; readonly name: string };
  readonly transport: Protocol;
  readonly protocol: ApplicationProtocol;
}

/** What Istio takes a port for; `auto` is sniffed. */
export type ApplicationProtocol = 'http' | 'http2' | 'grpc' | 'grpc-web' | 'tcp' | 'auto';

/** A PeerAuthentication mode; `UNSET` inherits. */
export type PeerMode = 'UNSET' | 'STRICT' | 'PERMISSIVE' | 'DISABLE';

/** A PeerAuthentication. */
export interface PeerAuthentication extends Named {
  readonly attachment: Attachment;
  readonly mode: PeerMode;
  readonly portModes: readonly { readonly port: number; readonly mode: PeerMode }[];
  /** `metadata.creationTimestamp`, '' when absent: the oldest of several counts. */
  readonly createdAt: string;
}

/** A RequestAuthentication. */
export interface RequestAuthentication extends Named {
  readonly attachment: Attachment;
  readonly rules: readonly JwtRule[];
  readonly createdAt: string;
}

/** One way to accept a token. Source: istio `JWTRule`. */
export interface JwtRule {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys:
    | { readonly kind: 'inline'; readonly jwks: string }
    | { readonly kind: 'uri'; readonly uri: string }
    | { readonly kind: 'discovery' };
  /** Where the token is looked for; empty with no params and cookies = `authorization: Bearer` and the parameter `access_token`. */
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardOriginalToken: boolean;
  /** The header that carries the verified payload, '' for none. */
  readonly outputPayloadToHeader: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly spaceDelimitedClaims: readonly string[];
  readonly timeoutMs: number;
  readonly at: Location;
}

/** A Kubernetes label selector; empty selects everything. */
export interface LabelSelector {
  readonly labels: Labels;
  readonly expressions: readonly LabelExpression[];
}

/** One `matchExpressions` entry. */
export interface LabelExpression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** A Kubernetes NetworkPolicy. A direction that is not isolated by it is `notIsolated`. */
export interface NetworkPolicy extends Named {
  readonly podSelector: LabelSelector;
  readonly ingress: NetworkDirection;
  readonly egress: NetworkDirection;
}

/** What a NetworkPolicy says about one direction. */
export type NetworkDirection =
  | { readonly kind: 'notIsolated' }
  | { readonly kind: 'isolated'; readonly rules: readonly NetworkRule[] };

/** Admits traffic with some of the peers on some of the ports. */
export interface NetworkRule {
  readonly peers: { readonly kind: 'all' } | { readonly kind: 'some'; readonly peers: readonly NetworkPeer[] };
  readonly ports: { readonly kind: 'all' } | { readonly kind: 'some'; readonly ports: readonly NetworkPort[] };
}

/** One peer of a rule; `namespaces: own` is a `podSelector` alone. */
export type NetworkPeer =
  | { readonly kind: 'block'; readonly block: Cidr; readonly except: readonly Cidr[] }
  | {
      readonly kind: 'pods';
      readonly namespaces: { readonly kind: 'own' } | { readonly kind: 'selected'; readonly selector: LabelSelector };
      readonly pods: LabelSelector;
    };

/** A port, a closed range, or a named container port. */
export type NetworkPort =
  | { readonly kind: 'anyNumber'; readonly protocol: Protocol }
  | { readonly kind: 'range'; readonly protocol: Protocol; readonly from: number; readonly to: number }
  | { readonly kind: 'named'; readonly protocol: Protocol; readonly name: string };

/** A document of a kind without meaning here. */
export interface Unmodelled extends Named {
  readonly apiVersion: string;
  readonly kind: string;
  /** What it attaches to, where the kind has a selector (EnvoyFilter, WasmPlugin). */
  readonly attachment: Attachment;
}
