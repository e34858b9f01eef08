import type { Environment } from './environment.ts';
import { kind } from './kind.ts';

/** The same laptop with SPIRE as the issuer: everything but the identity is `kind`, the policies byte by byte. */
export const kindSpire: Environment = {
  ...kind,
  name: 'kind-spire',
  identity: {
    kind: 'spire',
    installation: {
      kind: 'rendered',
      clusterName: 'meshwright',
      kubelet: 'unverified',
      authority: { kind: 'selfSigned', lifetime: '24h' },
      storage: '1Gi',
      resources: {
        server: { requests: { cpu: '20m', memory: '96Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
        agent: { requests: { cpu: '20m', memory: '64Mi' }, limits: { cpu: '500m', memory: '192Mi' } },
        driver: { requests: { cpu: '5m', memory: '32Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
      },
    },
    leafLifetime: '1h',
  },
};
