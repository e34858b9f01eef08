import type { FederatedDomain, SpireIdentity } from '../../environments/index.ts';
import { classNameOf } from './names.ts';
import type { SpireObject } from './object.ts';

/**
 * The exchange of roots with another trust domain. Its bundle endpoint is authenticated by the SPIFFE ID of its SPIRE
 * server, so the very first bundle (`trustDomainBundle`) is handed over by people and patched in; later ones follow by
 * themselves.
 */
export function federatedDomain(
  { trustDomain, bundleEndpoint }: FederatedDomain,
  identity: SpireIdentity,
): SpireObject {
  return {
    apiVersion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterFederatedTrustDomain',
    metadata: { name: trustDomain.replaceAll('.', '-') },
    spec: {
      className: classNameOf(identity),
      trustDomain,
      bundleEndpointURL: bundleEndpoint,
      bundleEndpointProfile: { type: 'https_spiffe', endpointSPIFFEID: `spiffe://${trustDomain}/spire/server` },
    },
  };
}
