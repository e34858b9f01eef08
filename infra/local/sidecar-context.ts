import type { InboundDecider } from '#policies/analysis/index.ts';
import type { Mesh, Workload } from '#policies/language/mesh.ts';
import type { AccessEntry, AccessLog } from './access-log.ts';
import type { Authentication } from './authentication.ts';
import type { RequestHead } from './exchange.ts';
import { fieldOf, pathOf } from './exchange.ts';
import type { IdentitySource } from './identity-source.ts';
import type { Enforcement, SidecarConfiguration } from './sidecar-configuration.ts';
import type { SpanExporter } from './spans.ts';

/** What every part of one sidecar works with. */
export interface SidecarContext {
  readonly configuration: SidecarConfiguration;
  readonly enforcement: Enforcement;
  readonly mesh: Mesh;
  readonly workload: Workload;
  readonly decider: InboundDecider;
  readonly authentication: Authentication;
  readonly identity: IdentitySource;
  readonly log: AccessLog;
  readonly spans: SpanExporter;
}

/** The far end of a connection; nulls for a caller without a certificate. */
export interface Peer {
  readonly id: string | null;
  readonly serial: string | null;
  readonly port: number | null;
}

/** A far end of which nothing is known. */
export const unknownPeer: Peer = { id: null, serial: null, port: null };

/** The part of an access entry that its ending does not change. */
export type AccessOpening = Omit<
  AccessEntry,
  'durationMs' | 'http' | 'grpc' | 'verdict' | 'layer' | 'policy' | 'rule' | 'because'
>;

/** How an access entry ends; what is left out is null, the verdict `none`, the layer `none`. */
export type AccessEnding = Partial<Omit<AccessEntry, keyof AccessOpening | 'durationMs'>>;

/** Opens the entry of one request or connection; calling the result writes it. */
export function openEntry(
  log: AccessLog,
  opening: Pick<AccessOpening, 'direction' | 'port' | 'protocol'> & {
    readonly head: RequestHead | null;
    readonly traceId: string | null;
  },
): (peer: Peer, ending: AccessEnding) => void {
  const beganAt = performance.now();
  const { head, ...rest } = opening;
  const at = Date.now();
  return (peer, ending) =>
    log.write({
      at,
      ...rest,
      method: head?.method ?? null,
      path: head === null ? null : pathOf(head),
      authority: head?.authority ?? null,
      requestId: head === null ? null : (fieldOf(head.headers, 'x-request-id') ?? null),
      peer: peer.id,
      peerSerial: peer.serial,
      peerPort: peer.port,
      http: null,
      grpc: null,
      durationMs: Math.round((performance.now() - beganAt) * 1000) / 1000,
      verdict: 'none',
      layer: 'none',
      policy: null,
      rule: null,
      because: null,
      ...ending,
    });
}
