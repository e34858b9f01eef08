/**
 * Connections at a ztunnel: HBONE with a certificate, or plaintext that it passes on without identity. STRICT is a rule
 * that denies the empty principal. Source: semantics.md 12; ztunnel `proxy/inbound.rs`, `tls/workload.rs`
 * (`TrustDomainVerifier`).
 */
import type { MeshConfig } from '../../language/mesh.ts';
import type { Arrival, Transport } from '../connection.ts';
import type { Listener } from '../listener.ts';

/** The SAN prefix that the handshake asks for: aliases are unknown to ztunnel, so that it fails closed. */
export const ownPrefix = ({ trustDomain }: Pick<MeshConfig, 'trustDomain'>): string => `spiffe://${trustDomain}/`;

/** Decides the transport of one connection; TLS that is not the mesh's is bytes like any other. */
export function arriveAtZtunnel(
  { mode }: Extract<Listener, { kind: 'ztunnel' }>,
  transport: Transport,
  config: Pick<MeshConfig, 'trustDomain'>,
): Arrival {
  if (transport.kind === 'mtls') {
    const own = ownPrefix(config);
    return transport.identities.some((identity) => identity.startsWith(own))
      ? { kind: 'accepted', chain: 'tcp', identities: [...transport.identities, ...(transport.names ?? [])] }
      : { kind: 'refused', because: 'foreignTrustDomain' };
  }
  return mode === 'STRICT'
    ? { kind: 'refused', because: 'plaintextIntoStrict' }
    : { kind: 'accepted', chain: 'tcp', identities: null };
}
