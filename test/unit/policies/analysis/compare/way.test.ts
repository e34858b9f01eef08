import { describe, expect, test } from 'vitest';
import { reach } from '#policies/analysis/compare/reach.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { meshConfigYaml, meshOf, networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

/** `y` calls port 60, which declares no protocol, of `x`, whose rule asks for a path under a permissive mode. */
function callsOfY(tls: string) {
  const mesh = meshOf(
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    workloadYaml('a', 'y'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'u', namespace: 'a' },
      spec: { selector: { app: 'x' }, ports: [{ name: 'unknown', port: 60 }] },
    }),
    securityYaml('AuthorizationPolicy', 'a', {
      selector: { matchLabels: { app: 'x' } },
      action: 'DENY',
      rules: [{ to: [{ operation: { notPaths: ['/open'], ports: ['60'] } }] }],
    }),
    networkingYaml('DestinationRule', 'a', { host: 'u', trafficPolicy: { tls: { mode: tls } } }),
  );
  return reach(mesh, { profile: DEFAULT_PROFILE })
    .grants.filter(({ source, destination }) => source.principal?.endsWith('/sa/y') && destination.port === 60)
    .map(({ http }) => http);
}

describe('the way to a port without a declared protocol', () => {
  test('in mesh TLS or plaintext leads to both chains: the path decides', () => {
    expect(callsOfY('ISTIO_MUTUAL')).toContainEqual({ method: '*', path: '/open' });
    expect(callsOfY('DISABLE')).toContainEqual({ method: '*', path: '/open' });
  });

  test('in TLS that is not the mesh’s leads to the TCP chain, where no path can be read', () => {
    expect(callsOfY('SIMPLE')).toEqual([]);
  });
});
