/** The model of Istio's routing objects, as far as the local mesh and the verdicts read them. */
import type { WaypointUse } from './ambient.ts';
import type { Labels, Named, OutboundMode } from './mesh.ts';
import type { Location } from './problem.ts';

/** Which workloads a Sidecar or DestinationRule is for. */
export type WorkloadSelection =
  | { readonly kind: 'wholeNamespace' }
  | { readonly kind: 'labels'; readonly labels: Labels };

/** A Sidecar resource. `egress: unset` leaves the default: every host of the registry. */
export interface Sidecar extends Named {
  readonly selection: WorkloadSelection;
  readonly egress:
    | { readonly kind: 'unset' }
    | { readonly kind: 'hosts'; readonly listeners: readonly EgressListener[] };
  /** null inherits the mesh's mode. */
  readonly outboundMode: OutboundMode | null;
  readonly createdAt: string;
}

/** One egress listener; `port` null applies to all ports. */
interface EgressListener {
  readonly port: number | null;
  readonly hosts: readonly EgressHost[];
}

/** One `namespace/host` entry; host `*` is every host, `*.x` the hosts below x. */
export interface EgressHost {
  readonly namespace: { readonly kind: 'own' | 'all' | 'none' } | { readonly kind: 'named'; readonly name: string };
  readonly host: string;
}

/** A VirtualService; `gateways` holds `mesh` where it applies to sidecars. One without hosts is delegated to. */
export interface VirtualService extends Named {
  readonly hosts: readonly string[];
  readonly gateways: readonly string[];
  readonly http: readonly HttpRoute[];
  readonly tls: readonly ConnectionRoute[];
  readonly tcp: readonly ConnectionRoute[];
  /** Namespaces that see it: `*`, `.`, `~` or names; none leaves the mesh's default (`*`). */
  readonly exportTo: readonly string[];
  readonly createdAt: string;
}

/** One route of connections; no matches accept all. */
export interface ConnectionRoute {
  readonly matches: readonly ConnectionMatch[];
  readonly destinations: readonly RouteDestination[];
  readonly at: Location;
}

/** AND of what is given. A gateway asks for port, gateways and SNI only. */
export interface ConnectionMatch {
  readonly sniHosts: readonly string[];
  readonly port: number | null;
  readonly gateways: readonly string[];
}

/** One HTTP route: the first whose matches accept the request is taken; no matches accept all. */
export interface HttpRoute {
  readonly name: string;
  readonly matches: readonly HttpMatch[];
  readonly destinations: readonly RouteDestination[];
  /** null leaves Istio's default (none). */
  readonly timeoutMs: number | null;
  readonly retries: RetryPolicy | null;
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
  /** The path prefix or authority put in place, null for none. */
  readonly rewrite: { readonly uri: string | null; readonly authority: string | null };
  /** The RE2 expression whose matches in the path are replaced, null for none; it goes before `rewrite.uri`. */
  readonly regexRewrite: { readonly match: string; readonly replacement: string } | null;
  /** The proxy's own answer instead of a destination, null for none. */
  readonly answer: { readonly kind: 'redirect' | 'directResponse'; readonly status: number } | null;
  /** The VirtualService whose routes stand here, null for none; a `namespace` of '' is the own one. */
  readonly delegate: { readonly namespace: string; readonly name: string } | null;
  /** Where copies of requests go; answers to them are dropped. */
  readonly mirrors: readonly RouteMirror[];
  /** The part of requests that is answered with an error on purpose; null for none. */
  readonly abort: { readonly percent: number; readonly status: number } | null;
  readonly at: Location;
}

/** A destination that gets copies of some of the requests. */
export interface RouteMirror {
  readonly host: string;
  readonly port: number | null;
  readonly subset: string | null;
  readonly percent: number;
}

/** AND of what is given. */
export interface HttpMatch {
  readonly uri: StringMatch;
  readonly method: StringMatch;
  readonly authority: StringMatch;
  readonly headers: readonly { readonly name: string; readonly match: StringMatch }[];
  readonly withoutHeaders: readonly { readonly name: string; readonly match: StringMatch }[];
  readonly scheme: StringMatch;
  readonly queryParams: readonly { readonly name: string; readonly match: StringMatch }[];
  readonly port: number | null;
  readonly gateways: readonly string[];
  /** Labels and namespace of the proxy that routes; asked only where no gateways are named. */
  readonly sourceLabels: Labels;
  readonly sourceNamespace: string;
  readonly ignoreUriCase: boolean;
  readonly name: string;
  readonly at: Location;
}

/** Istio's StringMatch; `regex` is RE2. A header or parameter matched with `any` must be there. */
export type StringMatch =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string };

/** Where a route leads. */
export interface RouteDestination {
  readonly host: string;
  readonly port: number | null;
  readonly subset: string | null;
  readonly weight: number;
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
}

/** Header edits, in Istio's order: set, add, remove. */
export interface HeaderOperations {
  readonly set: Labels;
  readonly add: Labels;
  readonly remove: readonly string[];
}

/** Retries; `attempts` 0 means none. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly perTryTimeoutMs: number | null;
  readonly retryOn: readonly string[];
}

/** A client TLS mode of a DestinationRule. */
export type ClientTlsMode = 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';

/** A DestinationRule. `tls` null is auto-mTLS. Port settings replace those of the destination. */
export interface DestinationRule extends Named {
  readonly host: string;
  readonly selection: WorkloadSelection;
  readonly policy: TrafficPolicy;
  readonly portPolicies: readonly { readonly port: number; readonly policy: TrafficPolicy }[];
  readonly subsets: readonly { readonly name: string; readonly labels: Labels }[];
}

/** Client settings towards a destination; null members keep Istio's defaults. */
export interface TrafficPolicy {
  readonly tls: ClientTlsMode | null;
  readonly subjectAltNames: readonly string[];
  readonly maxConnections: number | null;
  readonly connectTimeoutMs: number | null;
  readonly maxPendingRequests: number | null;
  readonly maxRequests: number | null;
  readonly maxRequestsPerConnection: number | null;
  readonly maxRetries: number | null;
  readonly idleTimeoutMs: number | null;
  readonly outlierDetection: OutlierDetection | null;
}

/** When a host is taken out of the pool. */
export interface OutlierDetection {
  readonly consecutive5xxErrors: number | null;
  readonly consecutiveGatewayErrors: number | null;
  readonly intervalMs: number;
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionPercent: number;
}

/** A ServiceEntry: hosts outside the cluster that the registry knows. */
export interface ServiceEntry extends Named {
  readonly hosts: readonly string[];
  readonly ports: readonly EntryPort[];
  readonly location: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  readonly resolution: string;
  /** Namespaces that see it: `*`, `.`, or names. */
  readonly exportTo: readonly string[];
  /** The pods of its namespace that its hosts lead to. */
  readonly pods: { readonly kind: 'none' } | { readonly kind: 'labels'; readonly labels: Labels };
  /** How many endpoints are written out, by address or host. */
  readonly endpoints: number;
  /** Which waypoint calls to it go through, as its own labels say. */
  readonly waypoint: WaypointUse;
}

/** A port of a ServiceEntry; `target` is that of its pods. */
export interface EntryPort {
  readonly number: number;
  readonly target: number;
  readonly name: string;
  readonly protocol: string;
}

/** An Istio Gateway. */
export interface Gateway extends Named {
  readonly selector: Labels;
  readonly servers: readonly GatewayServer[];
  readonly createdAt: string;
}

/** One listener of a Gateway. */
export interface GatewayServer {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly hosts: readonly string[];
  /** The address to listen on, '' for all. */
  readonly bind: string;
  /** Null without TLS settings; without a mode they mean PASSTHROUGH. */
  readonly tlsMode: string | null;
  /** Whether plaintext HTTP is answered with a redirect to HTTPS. */
  readonly httpsRedirect: boolean;
  readonly at: Location;
  readonly credentialName: string | null;
  readonly minProtocolVersion: string | null;
}
