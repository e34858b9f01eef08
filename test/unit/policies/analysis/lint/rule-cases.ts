import type { CodeCase } from './code-case.ts';
import { cartPolicy, cartRule, deployment, istio, service } from './lint-mesh.ts';

const source = (fields: object) => ({ policy: cartPolicy([cartRule(fields)]) });
const operation = (fields: object) => ({ policy: cartPolicy([cartRule({}, fields)]) });
const denying = (rule: object) => ({ deny: istio('AuthorizationPolicy', 'deny', { action: 'DENY', rules: [rule] }) });
const only = (fields: object) => ({ policy: cartPolicy([{ ...cartRule(), from: [{ source: fields }] }]) });
const when = (key: string, fields: object) => ({ policy: cartPolicy([{ ...cartRule(), when: [{ key, ...fields }] }]) });

/** Codes about the text and shape of rules, and about what they name. */
export const RULE_CASES: readonly CodeCase[] = [
  {
    code: 'authz/spiffe-prefix',
    bad: source({ principals: ['spiffe://td/ns/shop/sa/front'] }),
    good: source({ principals: ['td/ns/shop/sa/front'] }),
    because: 'the scheme is left to Istio',
  },
  {
    code: 'authz/inner-star',
    bad: operation({ paths: ['/shop.Cart/*/Get'] }),
    good: operation({ paths: ['/shop.Cart/*', '*/Get', '/a/{*}/b', '/a/{**}'] }),
    because: 'trailing and leading stars and templates are wildcards',
  },
  {
    code: 'authz/lower-case-method',
    bad: operation({ methods: ['post'] }),
    good: operation({ methods: ['POST'] }),
    because: 'methods are in capitals',
  },
  {
    code: 'authz/grpc-path-in-methods',
    bad: operation({ methods: ['/shop.Cart/Get'] }),
    good: operation({ methods: ['POST'], paths: ['/shop.Cart/Get'] }),
    because: 'the gRPC method is a path',
  },
  {
    code: 'authz/path-without-slash',
    bad: operation({ paths: ['shop.Cart/Get'] }),
    good: operation({ paths: ['/shop.Cart/Get', '*Get', '*'] }),
    because: 'a leading star stands for the slash',
  },
  {
    code: 'authz/path-with-query',
    bad: operation({ paths: ['/cart?id=1'] }),
    good: operation({ paths: ['/cart'] }),
    because: 'the path is named alone',
  },
  {
    code: 'authz/host-without-port-form',
    bad: operation({ hosts: ['cart.shop'] }),
    good: operation({ hosts: ['cart.shop', 'cart.shop:*'] }),
    because: 'the form with a port is listed as well',
  },
  {
    code: 'authz/request-principal-without-subject',
    bad: source({ requestPrincipals: ['https://idp.example'] }),
    good: source({ requestPrincipals: ['https://idp.example/*'] }),
    because: 'any subject is named',
  },
  {
    code: 'authz/dotted-service-account',
    bad: only({ serviceAccounts: ['shop/fr.nt'] }),
    good: only({ serviceAccounts: ['shop/front'] }),
    because: 'the account has no dot',
  },
  {
    code: 'authz/unknown-principal',
    bad: source({ principals: ['td/ns/shop/sa/frnt'] }),
    good: source({ principals: ['td/ns/shop/sa/front', 'td/ns/shop/sa/cart', 'td/ns/shop/*'] }),
    because: 'the accounts exist, and a prefix names nobody in particular',
  },
  {
    code: 'authz/unknown-service-account',
    bad: {
      policy: istio(
        'AuthorizationPolicy',
        'p',
        { rules: [{ from: [{ source: { serviceAccounts: ['front'] } }], to: [{ operation: { ports: ['8080'] } }] }] },
        { namespace: 'istio-system' },
      ),
    },
    good: only({ serviceAccounts: ['front', 'shop/front'] }),
    because: 'a bare name is looked up in the namespace of the policy',
  },
  {
    code: 'authz/unknown-namespace',
    bad: only({ namespaces: ['shopp'] }),
    good: only({ namespaces: ['shop', 's*p'] }),
    because: 'the namespace exists, and inner stars are wildcards here',
  },
  {
    code: 'authz/stray-dash',
    bad: {
      policy: cartPolicy([
        { from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] },
        { to: [{ operation: { ports: ['8080'] } }] },
      ]),
    },
    good: { policy: cartPolicy([{ from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] }, cartRule()]) },
    because: 'the second rule names callers of its own',
  },
  {
    code: 'authz/rule-matches-everything',
    bad: { policy: cartPolicy([{}]) },
    good: { policy: cartPolicy([]) },
    because: 'a policy without rules matches nothing',
  },
  {
    code: 'authz/rule-without-source',
    bad: { policy: cartPolicy([{ to: [{ operation: { ports: ['8080'] } }] }]) },
    good: {
      policy: cartPolicy([
        {
          to: [{ operation: { ports: ['8080'] } }],
          when: [{ key: 'source.principal', values: ['td/ns/shop/sa/front'] }],
        },
      ]),
    },
    because: 'the condition names the caller',
  },
  {
    code: 'authz/rule-without-operation',
    bad: { policy: cartPolicy([{ from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] }]) },
    good: {
      policy: cartPolicy([
        { from: [{ source: { principals: ['td/ns/shop/sa/front'] } }], to: [{ operation: { ports: ['9000'] } }] },
      ]),
    },
    because: 'for raw TCP the port is the operation',
  },
  {
    code: 'authz/denies-everything',
    bad: denying({}),
    good: denying({ from: [{ source: { notPrincipals: ['*'] } }] }),
    because: 'only callers without an identity are denied',
  },
  {
    code: 'authz/deny-positive',
    bad: denying({ to: [{ operation: { paths: ['/admin*'] } }] }),
    good: denying({ from: [{ source: { notNamespaces: ['shop'] } }], to: [{ operation: { ports: ['8080'] } }] }),
    because: 'the caller is excluded, and a port cannot be spelt otherwise',
  },
  {
    code: 'authz/allow-negative',
    bad: only({ notNamespaces: ['shop'] }),
    good: operation({ notPorts: ['9000'] }),
    because: 'every call has a port',
  },
  {
    code: 'authz/header-condition',
    bad: when('request.headers[x-role]', { values: ['admin'] }),
    good: when('source.namespace', { values: ['shop'] }),
    because: 'the namespace is part of the identity',
  },
  {
    code: 'authz/forgeable-address',
    bad: source({ remoteIpBlocks: ['10.0.0.0/8'] }),
    good: source({ ipBlocks: ['10.0.0.0/8'] }),
    because: 'the direct peer cannot be forged',
  },
  {
    code: 'authz/empty-list',
    bad: { policy: cartPolicy([{ ...cartRule(), when: [] }]) },
    good: { policy: cartPolicy([cartRule()]) },
    because: 'no list is empty',
  },
  {
    code: 'authz/dry-run',
    bad: {
      trial: cartPolicy(
        [cartRule({}, { paths: ['/shop.Cart/Add'] })],
        {},
        { name: 'trial', annotations: { 'istio.io/dry-run': 'true' } },
      ),
    },
    good: {
      trial: cartPolicy(
        [cartRule({}, { paths: ['/shop.Cart/Add'] })],
        {},
        { name: 'trial', annotations: { 'istio.io/dry-run': 'false' } },
      ),
    },
    because: 'the policy is enforced',
  },
  {
    code: 'authz/http-field-on-tcp-port',
    bad: operation({ ports: ['9000'] }),
    good: {
      policy: cartPolicy([
        { from: [{ source: { principals: ['td/ns/shop/sa/front'] } }], to: [{ operation: { ports: ['9000'] } }] },
      ]),
    },
    because: 'identity and port exist on a TCP chain',
  },
  {
    code: 'authz/service-port',
    bad: operation({ ports: ['80'] }),
    good: operation({ ports: ['8080'] }),
    because: 'the container port is named',
  },
  {
    code: 'authz/unknown-port',
    bad: operation({ ports: ['7777'] }),
    good: operation({ ports: ['80', '8080', '15020'] }),
    because: "a Service port has a code of its own, and so has the proxy's 15020",
  },
  {
    code: 'authz/port-not-intercepted',
    bad: operation({ ports: ['15020'] }),
    good: operation({ ports: ['8080'] }),
    because: 'the sidecar intercepts the port',
  },
  {
    code: 'authz/method-on-grpc',
    bad: operation({ methods: ['GET'] }),
    good: {
      ...operation({ methods: ['GET'] }),
      cartService: service('cart').replace('appProtocol: grpc', 'appProtocol: http'),
    },
    because: 'plain HTTP has GET',
  },
  {
    code: 'identity/missing-account',
    bad: { front: deployment('front', '', 'frnt') },
    good: { front: deployment('front', '', 'cart') },
    because: 'the account is declared',
  },
  {
    code: 'identity/shared-account',
    bad: { front: deployment('front', '', 'cart') },
    good: { front: deployment('front', '', 'front') },
    because: 'every workload has an account of its own',
  },
];
