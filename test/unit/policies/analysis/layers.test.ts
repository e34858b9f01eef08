import { describe, expect, test } from 'vitest';
import {
  decideOn,
  meshConfigYaml,
  meshOf,
  networkingYaml,
  securityYaml,
  workloadYaml,
} from '../../../support/small-mesh.ts';

const REGISTRY_ONLY = meshConfigYaml({ outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } });
const WORKLOADS = [workloadYaml('a', 'x'), workloadYaml('a', 'y'), workloadYaml('b', 'z')];
const STRICT = securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } });
const from = (namespace: string, name: string) => ({ source: { workload: { namespace, name } } });
const DENY_ALL = networkingYaml(
  'NetworkPolicy',
  'a',
  { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  'deny-all',
);
const EGRESS_OPEN = networkingYaml(
  'NetworkPolicy',
  'a',
  { podSelector: {}, policyTypes: ['Egress'], egress: [{}] },
  'egress-open',
);
const admit = (...peers: readonly object[]) =>
  networkingYaml('NetworkPolicy', 'a', {
    podSelector: { matchLabels: { app: 'x' } },
    ingress: [{ from: peers, ports: [{ port: 'web' }] }],
  });
const pods = (app: string) => ({ podSelector: { matchLabels: { app } } });
const namespace = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });

describe('NetworkPolicy (semantics 9)', () => {
  const rows = [
    { name: 'no policy: passes', policies: [], call: from('b', 'z'), layer: 'none' },
    {
      name: 'default deny drops what comes from elsewhere',
      policies: [DENY_ALL],
      call: from('b', 'z'),
      layer: 'network-policy',
    },
    {
      name: 'a pod of the own namespace is admitted',
      policies: [DENY_ALL, EGRESS_OPEN, admit(pods('y'))],
      call: from('a', 'y'),
      layer: 'none',
    },
    {
      name: "the admitted caller's own egress must be open too",
      policies: [DENY_ALL, admit(pods('y'))],
      call: from('a', 'y'),
      layer: 'network-policy',
    },
    {
      name: 'a podSelector alone means the own namespace',
      policies: [admit(pods('z'))],
      call: from('b', 'z'),
      layer: 'network-policy',
    },
    {
      name: 'two peers are alternatives',
      policies: [admit(namespace('b'), pods('y'))],
      call: from('b', 'z'),
      layer: 'none',
    },
    {
      name: 'two selectors in one peer are both required',
      policies: [admit({ ...namespace('b'), ...pods('y') })],
      call: from('b', 'z'),
      layer: 'network-policy',
    },
    {
      name: 'a named port admits only that port',
      policies: [admit(pods('y'))],
      call: { ...from('a', 'y'), destination: { port: 90 } },
      layer: 'network-policy',
    },
    {
      name: 'an address inside the block passes',
      policies: [admit({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.9.0.0/16'] } })],
      call: { source: { ip: '10.1.1.1' } },
      layer: 'none',
    },
    {
      name: 'an excepted address is dropped',
      policies: [admit({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.9.0.0/16'] } })],
      call: { source: { ip: '10.9.1.1' } },
      layer: 'network-policy',
    },
    {
      name: 'an address is no pod',
      policies: [admit(pods('y'))],
      call: { source: { ip: '10.1.1.1' } },
      layer: 'network-policy',
    },
    {
      name: 'a caller known by neither workload nor address is not looked at',
      policies: [DENY_ALL],
      call: {},
      layer: 'none',
    },
  ];
  test.for(rows)('$name', ({ policies, call, layer }) => {
    expect(decideOn(meshOf(...WORKLOADS, meshConfigYaml({}), ...policies), call)).toMatchObject({
      layer,
      verdict: layer === 'none' ? 'allow' : 'deny',
      status: layer === 'none' ? { http: 200, grpc: 0 } : { http: 503, grpc: 14 },
    });
  });

  test('the verdict names the first isolating policy and lists all', () => {
    const answer = decideOn(meshOf(...WORKLOADS, DENY_ALL, admit(pods('y'))), from('b', 'z'));
    expect(answer).toMatchObject({ policy: 'a/deny-all', rule: null });
    expect(answer.because).toContain('isolated by `a/deny-all`, `a/networkpolicy`');
  });
});

describe('egress (semantics 10)', () => {
  const hosts = (...list: readonly string[]) => networkingYaml('Sidecar', 'b', { egress: [{ hosts: list }] });
  const own = (...list: readonly string[]) =>
    networkingYaml('Sidecar', 'b', { workloadSelector: { labels: { app: 'z' } }, egress: [{ hosts: list }] }, 'own');
  const rows = [
    { name: 'without a Sidecar every host of the registry is known', sidecars: [], layer: 'none' },
    { name: 'a declared host passes', sidecars: [hosts('a/x.a.svc.cluster.local')], layer: 'none' },
    { name: 'a wildcard host passes', sidecars: [hosts('*/*.svc.cluster.local')], layer: 'none' },
    {
      name: 'another host of the same namespace is unknown',
      sidecars: [hosts('a/y.a.svc.cluster.local')],
      layer: 'egress',
    },
    { name: 'the own namespace alone', sidecars: [hosts('./*')], layer: 'egress' },
    { name: 'no namespace at all', sidecars: [hosts('~/*')], layer: 'egress' },
    { name: 'a Sidecar that selects the workload wins', sidecars: [hosts('~/*'), own('*/*')], layer: 'none' },
    { name: 'the selected one wins also where it is narrower', sidecars: [hosts('*/*'), own('~/*')], layer: 'egress' },
  ];
  test.for(rows)('$name', ({ sidecars, layer }) => {
    expect(decideOn(meshOf(...WORKLOADS, REGISTRY_ONLY, STRICT, ...sidecars), from('b', 'z'))).toMatchObject({
      layer,
      status: layer === 'none' ? { http: 200, grpc: 0 } : { http: 502, grpc: 14 },
    });
  });

  test('under ALLOW_ANY an unknown host is reached in plaintext', () => {
    const answer = decideOn(meshOf(...WORKLOADS, meshConfigYaml({}), STRICT, hosts('~/*')), from('b', 'z'));
    expect(answer).toMatchObject({ layer: 'peer-authentication', because: expect.stringContaining('plaintext') });
  });

  test('a bare certificate has no egress to look at', () => {
    const call = { source: { principal: 'spiffe://td/ns/b/sa/z' } };
    expect(decideOn(meshOf(...WORKLOADS, REGISTRY_ONLY, hosts('~/*')), call)).toMatchObject({ verdict: 'allow' });
  });
});

describe('client TLS (semantics 5)', () => {
  const tls = (mode: string) =>
    networkingYaml('DestinationRule', 'b', { host: 'x.a.svc.cluster.local', trafficPolicy: { tls: { mode } } });
  const DISABLED = securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'DISABLE' } });
  const ONLY_Z = securityYaml('AuthorizationPolicy', 'a', {
    rules: [{ from: [{ source: { principals: ['td/ns/b/sa/z'] } }] }],
  });
  const config = meshConfigYaml({});
  const rows = [
    { name: 'auto-mTLS carries the identity of the service account', mesh: [STRICT, ONLY_Z], layer: 'none' },
    { name: 'a rule that disables TLS meets STRICT', mesh: [STRICT, tls('DISABLE')], layer: 'peer-authentication' },
    {
      name: 'a rule that disables TLS loses the identity under PERMISSIVE',
      mesh: [ONLY_Z, tls('DISABLE')],
      layer: 'authorization-policy',
    },
    { name: 'foreign TLS meets no chain of an HTTP port', mesh: [tls('SIMPLE')], layer: 'peer-authentication' },
    {
      name: 'ISTIO_MUTUAL insists where the server disables',
      mesh: [DISABLED, tls('ISTIO_MUTUAL')],
      layer: 'peer-authentication',
    },
    { name: 'auto-mTLS yields where the server disables', mesh: [DISABLED], layer: 'none' },
  ];
  test.for(rows)('$name', ({ mesh, layer }) => {
    expect(decideOn(meshOf(...WORKLOADS, config, ...mesh), from('b', 'z'))).toMatchObject({ layer });
  });

  test('a caller without sidecar calls in plaintext', () => {
    const mesh = meshOf(workloadYaml('a', 'x'), workloadYaml('b', 'z', 'false'), config, STRICT);
    expect(decideOn(mesh, from('b', 'z'))).toMatchObject({ layer: 'peer-authentication' });
  });

  test('a destination without sidecar enforces nothing', () => {
    const mesh = meshOf(workloadYaml('a', 'x', 'false'), workloadYaml('b', 'z'), config, STRICT, ONLY_Z);
    expect(decideOn(mesh, { source: { principal: null } })).toMatchObject({
      verdict: 'allow',
      because: expect.stringContaining('no sidecar'),
    });
  });

  test('a gateway takes HTTPS from outside whatever PeerAuthentication says, and its policies hold', () => {
    const gateway = networkingYaml('Gateway', 'a', {
      selector: { app: 'x' },
      servers: [
        {
          port: { number: 80, name: 'https', protocol: 'HTTPS' },
          hosts: ['*'],
          tls: { mode: 'SIMPLE', credentialName: 'c' },
        },
      ],
    });
    const paths = securityYaml('AuthorizationPolicy', 'a', { rules: [{ to: [{ operation: { paths: ['/'] } }] }] });
    const route = networkingYaml('VirtualService', 'a', {
      hosts: ['*'],
      gateways: ['gateway'],
      http: [{ route: [{ destination: { host: 'z.b.svc.cluster.local' } }] }],
    });
    const mesh = meshOf(...WORKLOADS, config, STRICT, gateway, paths, route);
    const at = { host: 'shop.example' };
    expect(decideOn(mesh, { http: at })).toMatchObject({ verdict: 'allow', policy: 'a/authorizationpolicy' });
    expect(decideOn(mesh, { http: { path: '/x', ...at } })).toMatchObject({ layer: 'authorization-policy' });
    const unrouted = meshOf(...WORKLOADS, config, STRICT, gateway, paths);
    expect(decideOn(unrouted, { http: at })).toMatchObject({ layer: 'routing', status: { http: 404, grpc: 12 } });
  });
});
