/** How a connection arrives at a listener: which chain takes it, with which identities. Source: semantics.md 3.10, 4, 5. */
import type { MeshConfig } from '../language/mesh.ts';
import { arriveAtZtunnel } from './ambient/ztunnel.ts';
import type { Listener } from './listener.ts';
import type { Certificate } from './request.ts';

/** What the caller sends: plaintext, mesh mTLS, or TLS without a mesh identity. */
export type Transport = { readonly kind: 'plaintext' } | Certificate | { readonly kind: 'foreignTls' };

/** The chain that takes a connection; `identities` null means that there is no peer identity. */
export type Arrival =
  | { readonly kind: 'accepted'; readonly chain: 'http' | 'tcp'; readonly identities: readonly string[] | null }
  | { readonly kind: 'refused'; readonly because: RefusalReason };

/** Why no filter chain took a connection. */
export type RefusalReason = 'plaintextIntoStrict' | 'tlsIntoPlaintext' | 'foreignTrustDomain' | 'notMeshTls';

/** The trust domains whose certificates the inbound TLS context accepts, each once. */
function acceptedTrustDomains(config: MeshConfig): readonly string[] {
  return [...new Set([config.trustDomain, ...config.trustDomainAliases, ...config.certificateTrustDomains])];
}

/** The SAN prefixes of the accepted trust domains. */
export function trustedPrefixes(config: MeshConfig): readonly string[] {
  return acceptedTrustDomains(config).map((trustDomain) => `spiffe://${trustDomain}/`);
}

/** Decides the transport layer of one connection; `speaksHttp` says what its bytes are. */
export function arriveAt(
  listener: Exclude<Listener, { kind: 'unguarded' }>,
  transport: Transport,
  call: { readonly speaksHttp: boolean; readonly config: MeshConfig },
): Arrival {
  const trusted = trustedPrefixes(call.config);
  const chain = listener.protocol === 'auto' ? (call.speaksHttp ? 'http' : 'tcp') : listener.protocol;
  if (listener.kind === 'gateway') return arriveAtGateway(listener, transport, chain, trusted);
  if (listener.kind === 'ztunnel') return arriveAtZtunnel(listener, transport, call.config);
  switch (transport.kind) {
    case 'plaintext':
      if (listener.mode === 'STRICT') return { kind: 'refused', because: 'plaintextIntoStrict' };
      return { kind: 'accepted', chain, identities: null };
    case 'mtls':
      if (listener.mode === 'DISABLE') return { kind: 'refused', because: 'tlsIntoPlaintext' };
      if (!isTrusted(transport.identities, trusted)) return { kind: 'refused', because: 'foreignTrustDomain' };
      return { kind: 'accepted', chain, identities: shownBy(transport) };
    case 'foreignTls':
      if (listener.mode !== 'PERMISSIVE' || listener.protocol === 'http')
        return { kind: 'refused', because: 'notMeshTls' };
      return { kind: 'accepted', chain: 'tcp', identities: null };
  }
}

/** A gateway's server terminates TLS as it says; PeerAuthentication has no part in it. */
function arriveAtGateway(
  listener: Extract<Listener, { kind: 'gateway' }>,
  transport: Transport,
  chain: 'http' | 'tcp',
  trusted: readonly string[],
): Arrival {
  const identities = transport.kind === 'mtls' ? shownBy(transport) : null;
  switch (listener.identity) {
    case 'none':
      return { kind: 'accepted', chain, identities: null };
    case 'clientCertificate':
      return { kind: 'accepted', chain, identities };
    case 'mesh':
      if (transport.kind !== 'mtls') return { kind: 'refused', because: 'plaintextIntoStrict' };
      return isTrusted(transport.identities, trusted)
        ? { kind: 'accepted', chain, identities }
        : { kind: 'refused', because: 'foreignTrustDomain' };
  }
}

/**
 * What rules read of a certificate: any URI SAN, any DNS SAN, or the subject may match.
 * Source: semantics.md 3.6; Envoy `AuthenticatedMatcher::matches`, which goes on to the next kind where none matched.
 */
export function shownBy({ identities, names }: Certificate): readonly string[] {
  return names === undefined ? identities : [...identities, ...names];
}

/** One URI SAN of an accepted trust domain suffices; the others then count as identities too. */
export function isTrusted(identities: readonly string[], trusted: readonly string[]): boolean {
  for (const identity of identities) {
    for (const prefix of trusted) if (identity.startsWith(prefix)) return true;
  }
  return false;
}
