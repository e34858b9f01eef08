/**
 * SPIRE's own kinds, as far as this product writes them: the fields of `spire.spiffe.io/v1alpha1` with their types, so
 * that the API server refuses a misspelt one. Charts of SPIRE bring fuller ones, which may take their place.
 */
import type { SpireObject } from './object.ts';

interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'boolean' | 'integer';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly 'x-kubernetes-map-type'?: 'atomic';
}

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const flag: Schema = { type: 'boolean' };
const count: Schema = { type: 'integer' };
const all = (names: readonly string[], schema: Schema) => Object.fromEntries(names.map((name) => [name, schema]));

const selector: Schema = {
  type: 'object',
  'x-kubernetes-map-type': 'atomic',
  properties: {
    matchLabels: { type: 'object', additionalProperties: text },
    matchExpressions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['key', 'operator'],
        properties: { key: text, operator: text, values: texts },
      },
    },
  },
};

const registration: Schema = {
  type: 'object',
  required: ['spiffeIDTemplate'],
  properties: {
    ...all(['spiffeIDTemplate', 'className', 'ttl', 'jwtTtl', 'hint'], text),
    ...all(['dnsNameTemplates', 'federatesWith', 'workloadSelectorTemplates'], texts),
    ...all(['admin', 'autoPopulateDNSNames', 'downstream', 'fallback'], flag),
    podSelector: selector,
    namespaceSelector: selector,
  },
};

const statistics: Schema = {
  type: 'object',
  properties: all(
    [
      'namespacesSelected',
      'namespacesIgnored',
      'podsSelected',
      'podEntryRenderFailures',
      'entriesMasked',
      'entriesToSet',
      'entryFailures',
    ],
    count,
  ),
};

const federated: Schema = {
  type: 'object',
  required: ['trustDomain', 'bundleEndpointURL', 'bundleEndpointProfile'],
  properties: {
    trustDomain: { type: 'string', pattern: '[a-z0-9._-]{1,255}' },
    ...all(['bundleEndpointURL', 'className', 'trustDomainBundle'], text),
    bundleEndpointProfile: {
      type: 'object',
      required: ['type'],
      properties: { type: { type: 'string', enum: ['https_spiffe', 'https_web'] }, endpointSPIFFEID: text },
    },
  },
};

const staticEntry: Schema = {
  type: 'object',
  required: ['parentID', 'selectors', 'spiffeID'],
  properties: {
    ...all(['spiffeID', 'parentID', 'className', 'x509SVIDTTL', 'jwtSVIDTTL', 'hint'], text),
    ...all(['selectors', 'federatesWith', 'dnsNames'], texts),
    ...all(['admin', 'downstream', 'storeSVID'], flag),
  },
};

function definition(kind: string, plural: string, spec: Schema, status: Schema): SpireObject {
  const openAPIV3Schema = { type: 'object', properties: { spec, status } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.spire.spiffe.io` },
    spec: {
      group: 'spire.spiffe.io',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope: 'Cluster',
      versions: [
        { name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema }, subresources: { status: {} } },
      ],
    },
  };
}

/** The three kinds that SPIRE's controller manager watches. */
export const spireResourceDefinitions: readonly SpireObject[] = [
  definition('ClusterSPIFFEID', 'clusterspiffeids', registration, {
    type: 'object',
    properties: { stats: statistics },
  }),
  definition('ClusterFederatedTrustDomain', 'clusterfederatedtrustdomains', federated, { type: 'object' }),
  definition('ClusterStaticEntry', 'clusterstaticentries', staticEntry, {
    type: 'object',
    properties: { rendered: flag, masked: flag, set: flag },
  }),
];
