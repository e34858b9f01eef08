import { App } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { manifests } from '#infra/charts/manifest-files.ts';
import { NamespaceChart } from '#infra/charts/namespace-chart.ts';
import { MeshWorkload, type MeshWorkloadProps, portNames } from '#infra/constructs/mesh-workload.ts';
import type { Program } from '#infra/constructs/program.ts';
import { kind } from '#infra/environments/kind.ts';
import type { Grant } from '#policies/intent/index.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { at, listAt } from '../../../support/manifest-object.ts';

const declarationOf = (name: string, port: number): ServiceDeclaration => ({
  name,
  namespace: 'shop',
  serviceAccount: name,
  kind: 'service',
  owner: 'team',
  contracts: [{ kind: 'grpc', port, services: [] }],
  calls: [],
  scaling: 'stateless',
});

const programOf = (port: number): Program => ({
  containerName: 'main',
  image: 'registry.example/main:1.0.0',
  environment: {},
  ports: [{ name: 'grpc', number: port }],
  mounts: [],
  readiness: { kind: 'grpc', port },
  liveness: { kind: 'tcp', port },
  resources: kind.resources.service,
  uid: 10_001,
  graceSeconds: 30,
});

function workload(
  chart: NamespaceChart,
  name: string,
  port: number,
  more: Partial<MeshWorkloadProps> = {},
): MeshWorkload {
  return new MeshWorkload(chart, name, {
    declaration: declarationOf(name, port),
    environment: kind,
    jwks: '{"keys":[]}',
    program: programOf(port),
    placement: { kind: 'fixed', replicas: 1 },
    version: '1.0.0',
    ...more,
  });
}

const place: Grant = {
  caller: { kind: 'workload', namespace: 'shop', serviceAccount: 'cart' },
  callee: { kind: 'workload', namespace: 'shop', workload: 'orders' },
  protocol: 'grpc',
  port: 50_001,
  http: { method: 'POST', path: '/shop.v1.Orders/Place' },
  user: null,
  reason: 'carts become orders',
  owner: 'team',
  timeoutMs: 500,
};

function shop(connect: (orders: MeshWorkload, cart: MeshWorkload) => void) {
  const app = new App();
  const chart = new NamespaceChart(app, 'shop');
  const orders = workload(chart, 'orders', 50_001);
  const cart = workload(chart, 'cart', 50_002);
  connect(orders, cart);
  const find = (wanted: string, name: string): unknown =>
    manifests(app).find(({ value }) => value.kind === wanted && value.metadata.name === name)?.value;
  return find;
}

describe('a workload of the mesh', () => {
  test('admits nobody and reaches nothing by itself', () => {
    const find = shop(() => {});
    expect(at(find('AuthorizationPolicy', 'orders-callers'), 'spec', 'rules')).toEqual([]);
    expect(listAt(find('Sidecar', 'orders'), 'spec', 'egress', 0, 'hosts')).toEqual(['~/*']);
    expect(at(find('NetworkPolicy', 'orders'), 'spec')).toMatchObject({ ingress: [], egress: [] });
    expect(find('VirtualService', 'orders')).toBeUndefined();
    expect(find('DestinationRule', 'orders')).toBeUndefined();
    expect(find('RequestAuthentication', 'orders-users')).toBeUndefined();
  });

  test('opens identity, route and both sides of the network with one call', () => {
    const find = shop((orders, cart) => orders.allowCallsFrom(cart, [place]));
    expect(JSON.stringify(find('AuthorizationPolicy', 'orders-callers'))).toContain('trading.local/ns/shop/sa/cart');
    expect(listAt(find('Sidecar', 'cart'), 'spec', 'egress', 0, 'hosts')).toEqual([
      'shop/orders.shop.svc.cluster.local',
    ]);
    expect(listAt(find('NetworkPolicy', 'orders'), 'spec', 'ingress')).toHaveLength(1);
    expect(listAt(find('NetworkPolicy', 'cart'), 'spec', 'egress')).toHaveLength(1);
    expect(listAt(find('NetworkPolicy', 'cart'), 'spec', 'ingress')).toEqual([]);
    expect(at(find('VirtualService', 'orders'), 'spec', 'http', 0, 'timeout')).toBe('0.5s');
    expect(find('DestinationRule', 'orders')).toBeDefined();
  });

  test('verifies tokens as soon as one grant asks for a user', () => {
    const user = { issuer: 'https://idp.example', audiences: ['shop'], claims: [{ claim: 'scope', values: ['buy'] }] };
    const find = shop((orders, cart) => orders.allowCallsFrom(cart, [place, { ...place, user }]));
    expect(find('RequestAuthentication', 'orders-users')).toBeDefined();
  });

  test('puts the internet before the door by address, and the kubelet nowhere', () => {
    const find = shop((orders) => {
      orders.allowCallsFrom({ kind: 'internet' }, [{ ...place, caller: { kind: 'internet' } }]);
      orders.allowCallsFrom({ kind: 'node' }, [{ ...place, caller: { kind: 'node' }, port: 15_020, http: null }]);
    });
    expect(listAt(find('NetworkPolicy', 'orders'), 'spec', 'ingress')).toEqual([
      {
        from: [{ ipBlock: { cidr: '0.0.0.0/0' } }, { ipBlock: { cidr: '::/0' } }],
        ports: [{ port: 50_001, protocol: 'TCP' }],
      },
    ]);
  });

  const faults: readonly {
    readonly title: string;
    readonly props: Partial<MeshWorkloadProps>;
    readonly message: RegExp;
  }[] = [
    {
      title: 'an image without a tag',
      props: { program: { ...programOf(50_003), image: 'registry.example:5000/main' } },
      message: /expected an exact tag or digest/,
    },
    {
      title: 'the tag latest',
      props: { program: { ...programOf(50_003), image: 'registry.example/main:latest' } },
      message: /expected an exact tag or digest/,
    },
    {
      title: 'a low user id without a reason',
      props: { program: { ...programOf(50_003), uid: 999 } },
      message: /user id `999`: expected 10000 or more, or a reason/,
    },
    {
      title: 'a contract whose port no container opens',
      props: { program: { ...programOf(50_003), ports: [] } },
      message: /port `50003`: expected a named container port/,
    },
    {
      title: 'a port name that is too long',
      props: { program: { ...programOf(50_003), ports: [{ name: 'grpc-market-data', number: 50_003 }] } },
      message: /at most 15/,
    },
    {
      title: 'a scaled singleton',
      props: { declaration: { ...declarationOf('lonely', 50_003), scaling: 'singleton' } },
      message: /a singleton runs one replica/,
    },
  ];
  test.for(faults)('reports $title with its file', ({ props, message }) => {
    const lonely = workload(new NamespaceChart(new App(), 'shop'), 'lonely', 50_003, props);
    const complaints = lonely.node.validate();
    expect(complaints).toEqual([expect.stringMatching(message)]);
    expect(complaints[0]).toMatch(/^services\/lonely\/service\.ts: /);
  });

  test('names ports after their protocol, and tells two of one protocol apart', () => {
    const tcp = (port: number) => ({ kind: 'tcp', port }) as const;
    expect(portNames([tcp(1), { kind: 'http', port: 2, routes: [] }]).map(({ name }) => name)).toEqual(['tcp', 'http']);
    expect(portNames([tcp(1), tcp(2)]).map(({ name }) => name)).toEqual(['tcp-1', 'tcp-2']);
  });
});
