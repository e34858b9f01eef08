/** Schemas of spire.spiffe.io/v1alpha1. Source: the CRDs of spire-controller-manager 0.6. */
import { labelSelector } from './kubernetes.ts';
import { customObject } from './metadata.ts';
import { closed, flag, list, open, type Shape, text } from './shape.ts';

const texts = list(text());

/** ClusterSPIFFEID. */
export const clusterSpiffeId: Shape = customObject(
  closed(
    {
      spiffeIDTemplate: text(),
      className: text(),
      ttl: text(),
      jwtTtl: text(),
      hint: text(),
      dnsNameTemplates: texts,
      federatesWith: texts,
      workloadSelectorTemplates: texts,
      admin: flag,
      autoPopulateDNSNames: flag,
      downstream: flag,
      fallback: flag,
      podSelector: labelSelector,
      namespaceSelector: labelSelector,
    },
    ['spiffeIDTemplate'],
  ),
  ['spec'],
);

/** ClusterStaticEntry. */
export const clusterStaticEntry: Shape = customObject(
  closed(
    {
      spiffeID: text(),
      parentID: text(),
      selectors: texts,
      className: text(),
      x509SVIDTTL: text(),
      jwtSVIDTTL: text(),
      hint: text(),
      federatesWith: texts,
      dnsNames: texts,
      admin: flag,
      downstream: flag,
      storeSVID: flag,
    },
    ['spiffeID', 'parentID', 'selectors'],
  ),
  ['spec'],
);

/** ClusterFederatedTrustDomain, which no verdict reads. */
export const clusterFederatedTrustDomain: Shape = customObject(open({}), ['spec']);
