/** What compiled rules read of one request. */
import type { Address, HttpRequest, Metadata } from '../request.ts';
import type { Claims } from '../token.ts';
import { UNNAMED } from './path-table.ts';
import { NO_PEER, type Peer } from './peer-table.ts';

/**
 * The request being decided, on its chain. One query object per decider is filled anew for each decision, so that
 * deciding allocates nothing. INVARIANT: a decision is synchronous and never calls itself.
 */
export interface Query {
  identities: readonly string[] | null;
  /** The caller in the port's `PeerTable`. */
  peer: Peer;
  sourceIp: Address | null;
  /** On a TCP chain the peer's address. */
  remoteIp: Address | null;
  destinationIp: Address | null;
  sni: string;
  metadata: Metadata;
  /** Never read on a TCP chain: rules that need it take no part there. */
  http: HttpRequest;
  path: string;
  /** The number of the path in the chain's `PathTable`. */
  pathNumber: number;
  pathAndQuery: string;
  claims: Claims | null;
  /** The claims whose words count as list elements. */
  delimited: ReadonlySet<string>;
}

const NO_HTTP: HttpRequest = { method: '', path: '', host: '', headers: new Map() };
/** What requests carry of which nothing is said. */
export const NO_METADATA: Metadata = {};
const NOTHING: ReadonlySet<string> = new Set();

/** An empty query. */
export function newQuery(): Query {
  return {
    identities: null,
    peer: NO_PEER,
    sourceIp: null,
    remoteIp: null,
    destinationIp: null,
    sni: '',
    metadata: NO_METADATA,
    http: NO_HTTP,
    path: '',
    pathNumber: UNNAMED,
    pathAndQuery: '',
    claims: null,
    delimited: NOTHING,
  };
}
