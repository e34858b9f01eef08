import { describe, expect, test } from 'vitest';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { meshOf, workloadYaml } from '../../../../support/small-mesh.ts';

const gateway = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress, namespace: edge}
spec:
  selector: {matchLabels: {app: ingress}}
  template:
    metadata: {labels: {app: ingress, sidecar.istio.io/inject: "true"}}
    spec: {containers: [{name: istio-proxy, image: auto}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: web, namespace: edge}
spec:
  selector: {app: ingress}
  servers: [{port: {number: 8443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: web}, hosts: ["*"]}]
---
`;

const tokens = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: edge}
spec: {jwtRules: [{issuer: "https://one", jwksUri: "https://one/keys", outputClaimToHeaders: [{header: X-User, claim: sub}]}]}
---
`;

const requestWith = (headers: Readonly<Record<string, readonly string[]>>) => {
  const request = parseRequest({
    destination: { namespace: 'edge', workload: 'ingress', port: 8443 },
    http: { method: 'GET', path: '/', host: 'shop.example', headers },
  });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  return request.value;
};

const decideBoth = (match: string, headers: Readonly<Record<string, readonly string[]>>) => {
  const mesh = meshOf(
    ...`${gateway}${tokens}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: [shop.example]
  gateways: [edge/web]
  http: [{match: [{${match}}], route: [{destination: {host: elsewhere.example}}]}]
`.split('---'),
  );
  const request = requestWith(headers);
  const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
  return [compile(mesh, world.profile).decide(request), decideNaively(world, request)].map(
    ({ allowed, assumptions }) => ({ allowed, doubts: assumptions.filter((each) => each.includes('not decided')) }),
  );
};

describe('a route that asks for a header that the gateway itself writes', () => {
  test.for([
    { name: 'x-forwarded-proto', match: 'headers: {x-forwarded-proto: {exact: https}}', headers: {} },
    {
      name: 'x-forwarded-proto, of which a client says something else',
      match: 'headers: {X-Forwarded-Proto: {exact: https}}',
      headers: { 'x-forwarded-proto': ['http'] },
    },
    { name: 'x-request-id', match: 'headers: {x-request-id: {}}', headers: {} },
    { name: 'x-envoy-external-address', match: 'headers: {x-envoy-external-address: {}}', headers: {} },
    { name: 'no x-forwarded-for', match: 'withoutHeaders: {x-forwarded-for: {exact: a}}', headers: {} },
    { name: 'one that tokens give', match: 'headers: {x-user: {exact: u}}', headers: { 'x-user': ['v'] } },
    { name: 'one that no token gave', match: 'withoutHeaders: {x-user: {}}', headers: { 'x-user': ['v'] } },
    { name: 'the scheme', match: 'headers: {":scheme": {exact: https}}', headers: {} },
  ])('may take a request or not: $name', ({ match, headers }) => {
    for (const { allowed, doubts } of decideBoth(match, headers)) {
      expect(allowed).toBe(true);
      expect(doubts).toHaveLength(1);
    }
  });

  test('is decided where the header is the client’s own', () => {
    for (const { allowed, doubts } of decideBoth('headers: {x-forwarded: {exact: https}}', {}))
      expect({ allowed, doubts }).toEqual({ allowed: false, doubts: [] });
  });
});

describe('a header that a route sets', () => {
  const hop = (value: string) => {
    const mesh = meshOf(
      ...gateway.split('---'),
      ...workloadYaml('shop', 'cart').split('---'),
      `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: [shop.example]
  gateways: [edge/web]
  http: [{headers: {request: {set: {X-Via: "${value}"}}}, route: [{destination: {host: cart, port: {number: 80}}}]}]
`,
    );
    const request = requestWith({});
    const decider = compile(mesh, PROFILES['istio-1.31']);
    const [found] = decider.follow(request, decider.decide(request));
    return found?.call?.verdict.assumptions.filter((each) => each.includes('`x-via`'));
  };

  test('to what only a running proxy knows leaves the next verdict under an assumption', () => {
    expect(hop('%REQ(x-secret)%')).toEqual([
      'no rule there reads header `x-via`, whose value in the route only a running proxy knows',
    ]);
  });

  test('to a text, a written percent sign included, is what the next proxy reads', () => {
    expect(hop('100%%')).toEqual([]);
  });
});
