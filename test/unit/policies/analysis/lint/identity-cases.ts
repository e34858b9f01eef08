import type { CodeCase } from './code-case.ts';
import { deployment } from './lint-mesh.ts';

const registration = (spec: object, kind = 'ClusterSPIFFEID') => ({
  registration: JSON.stringify({ apiVersion: 'spire.spiffe.io/v1alpha1', kind, metadata: { name: 'r' }, spec }),
});
const OWN = 'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}';
const entry = (...selectors: readonly string[]) =>
  registration(
    { spiffeID: 'spiffe://td/ns/shop/sa/front', parentID: 'spiffe://td/node', selectors },
    'ClusterStaticEntry',
  );
const elsewhere = deployment('other', '', 'cart');

/** Codes about identities: where they come from and whose they are. */
export const IDENTITY_CASES: readonly CodeCase[] = [
  {
    code: 'identity/registration-too-wide',
    bad: registration({
      spiffeIDTemplate: 'spiffe://td/ns/shop/sa/front',
      podSelector: { matchLabels: { app: 'front' } },
    }),
    good: registration({ spiffeIDTemplate: OWN }),
    because: 'the ID is made of the pod itself',
  },
  {
    code: 'identity/registration-too-wide',
    bad: registration({ spiffeIDTemplate: 'spiffe://td/ns/shop/sa/{{ index .PodMeta.Labels "app" }}' }),
    good: registration({
      spiffeIDTemplate: 'spiffe://td/ns/shop/sa/front',
      workloadSelectorTemplates: ['k8s:ns:shop', 'k8s:sa:front'],
    }),
    because: 'processes of that account alone get it',
  },
  {
    code: 'identity/registration-too-wide',
    bad: entry('k8s:ns:shop'),
    good: entry('k8s:ns:shop', 'k8s:sa:front'),
    because: 'the entry asks for the account too',
  },
  {
    code: 'identity/registration-powers',
    bad: registration({ spiffeIDTemplate: OWN, admin: true }),
    good: registration({ spiffeIDTemplate: OWN, admin: false, downstream: false }),
    because: 'neither power is given',
  },
  {
    code: 'identity/default-namespace',
    bad: { other: elsewhere.replace(', namespace: shop', '') },
    good: { other: elsewhere },
    because: 'the namespace is its own',
  },
];
