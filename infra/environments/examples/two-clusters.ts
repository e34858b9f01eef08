import type { Environment } from '../environment.ts';
import { production } from '../production.ts';

/** Addresses of the pods of each cluster; the networks must not overlap and must route to each other. */
const podRanges = { east: ['10.128.0.0/14'], west: ['10.132.0.0/14'] } as const;

const cluster = (name: keyof typeof podRanges, peer: keyof typeof podRanges): Environment => ({
  ...production,
  name: `two-clusters-${name}`,
  extent: {
    kind: 'severalClusters',
    meshId: 'trading',
    clusterName: name,
    network: 'trading-pods',
    peers: [{ podRanges: podRanges[peer] }],
  },
});

/**
 * Two clusters of one trust domain on one pod network, both running the services: an identity is the same in both, so
 * the policies are the same bytes, and only NetworkPolicies tell addresses apart.
 */
export const twoClusters: readonly [east: Environment, west: Environment] = [
  cluster('east', 'west'),
  cluster('west', 'east'),
];
