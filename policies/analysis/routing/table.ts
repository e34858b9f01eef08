/** The form of a route table: filter chains by SNI, virtual hosts, routes in order. `route-table.ts` makes it. */
import type { HttpMatch, HttpRoute, VirtualService } from '../../language/traffic.ts';
import type { Listener } from '../listener.ts';
import type { Target } from './destination.ts';

/** All that a port of a gateway does with connections. */
export interface RouteTable {
  readonly chains: readonly RouteChain[];
  /** What is asked of connections that no chain takes: nothing that lets them in. */
  readonly otherwise: Extract<Listener, { kind: 'gateway' }>;
  /** What the table was made under, sorted. */
  readonly assumptions: readonly string[];
}

/** The SNI names of a chain; `*` is any, and none. */
export function namesOf({ sni }: RouteChain): readonly string[] {
  return sni ?? ['*'];
}

/** One filter chain: the connections that it takes, and what becomes of them. */
export interface RouteChain {
  /** The SNI names that it takes, `*.x` for those below x, in lower case; null: any connection, with SNI or without. */
  readonly sni: readonly string[] | null;
  /** What is asked of its connections: servers of one port may differ. */
  readonly listener: Listener;
  /** Whether TLS ends here. */
  readonly endsTls: boolean;
  readonly serves:
    | { readonly kind: 'http'; readonly hosts: readonly VirtualHost[] }
    | { readonly kind: 'bytes'; readonly route: BytesRoute };
}

/** Where a connection goes as it is. */
export interface BytesRoute {
  readonly virtualService: VirtualService | null;
  readonly index: number;
  readonly forwards: readonly Forward[];
}

/** One virtual host of Envoy. */
export interface VirtualHost {
  /** In lower case: exact, `*.x`, or `*`. */
  readonly domain: string;
  /** Whether plaintext is answered with a redirect to HTTPS. */
  readonly redirectsToHttps: boolean;
  readonly routes: readonly BoundRoute[];
}

/** One route of Envoy: one match of a route of a VirtualService. */
export interface BoundRoute {
  readonly virtualService: VirtualService;
  /** The place of the route, and of the match in it, in the VirtualService; -1 for a route without matches. */
  readonly index: number;
  readonly matchIndex: number;
  readonly route: HttpRoute;
  /** Null accepts everything. */
  readonly match: HttpMatch | null;
  readonly forwards: readonly Forward[];
}

/** One destination of a route. */
export interface Forward {
  /** `copy`: a mirror, whose answer nobody sees. */
  readonly kind: 'request' | 'copy';
  /** The place among the destinations of the route, -1 for a copy. */
  readonly index: number;
  readonly target: Target;
  /** @default - whose call the destination sees is the gateway's; else it is the client's own, with its certificate */
  readonly by?: 'client';
}
