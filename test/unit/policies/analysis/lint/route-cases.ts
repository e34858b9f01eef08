import type { CodeCase } from './code-case.ts';
import { istio, type Parts } from './lint-mesh.ts';

const gateway = (hosts: readonly string[]) =>
  istio('Gateway', 'g', {
    selector: { app: 'front' },
    servers: [
      { port: { number: 8443, name: 'g', protocol: 'HTTPS' }, hosts, tls: { mode: 'SIMPLE', credentialName: 'c' } },
    ],
  });
const to = (destination: object) => [{ route: [{ destination }] }];
const CART = { host: 'cart', port: { number: 80 } };
const routes = (http: readonly object[], more: object = {}) =>
  istio('VirtualService', 'v', { hosts: ['shop.example'], gateways: ['g'], http, ...more });
const served = (http: readonly object[], more: Parts = {}): Parts => ({
  gateway: gateway(['shop.example']),
  routes: routes(http),
  ...more,
});
const under = (prefix: string) => ({ match: [{ uri: { prefix } }], route: [{ destination: CART }] });
const ofTeam = (hosts: readonly string[]): Parts => ({
  gateway: gateway(hosts),
  routes: routes([under('/api')]),
  others: istio(
    'VirtualService',
    'o',
    {
      hosts: ['shop.example'],
      gateways: ['shop/g'],
      http: to({ host: 'cart.shop.svc.cluster.local', port: { number: 80 } }),
    },
    { namespace: 'team' },
  ),
});

/** Codes about routes of gateways. */
export const ROUTE_CASES: readonly CodeCase[] = [
  {
    code: 'routing/leads-nowhere',
    bad: served(to({ host: 'cart', port: { number: 81 } })),
    good: served(to(CART)),
    because: 'the Service has the port',
  },
  {
    code: 'routing/leads-nowhere',
    bad: served(to({ ...CART, subset: 'v2' })),
    good: served(to({ ...CART, subset: 'v2' }), {
      subsets: istio('DestinationRule', 'cart', { host: 'cart', subsets: [{ name: 'v2', labels: { app: 'cart' } }] }),
    }),
    because: 'a DestinationRule gives the subset',
  },
  {
    code: 'routing/leads-nowhere',
    bad: served(to({ host: 'kart', port: { number: 80 } })),
    good: served(to({ host: 'api.example', port: { number: 443 } }), {
      outside: istio('ServiceEntry', 'e', {
        hosts: ['api.example'],
        ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
        resolution: 'DNS',
      }),
    }),
    because: 'a ServiceEntry has the host',
  },
  {
    code: 'routing/unknown-gateway',
    bad: { gateway: gateway(['shop.example']), routes: routes(to(CART), { gateways: ['team/g'] }) },
    good: { gateway: gateway(['shop.example']), routes: routes(to(CART), { gateways: ['shop/g', 'mesh'] }) },
    because: 'the Gateway is in the namespace of the VirtualService',
  },
  {
    code: 'routing/unreachable-route',
    bad: served([under('/api'), under('/apis/v1')]),
    good: served([under('/api/'), under('/apis/v1')]),
    because: 'the first prefix ends in a slash',
  },
  {
    code: 'routing/shared-host',
    bad: ofTeam(['shop.example']),
    good: ofTeam(['shop/shop.example']),
    because: 'the server takes VirtualServices of one namespace only',
  },
  {
    code: 'gateway/server-without-routes',
    bad: { gateway: gateway(['team/shop.example']), routes: routes(to(CART)) },
    good: served(to(CART)),
    because: 'a VirtualService serves the host',
  },
];
