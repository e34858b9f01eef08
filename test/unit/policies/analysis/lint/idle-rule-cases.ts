import type { CodeCase } from './code-case.ts';
import { cartPolicy, cartRule, istio } from './lint-mesh.ts';

const rules = (...each: readonly object[]) => ({ policy: cartPolicy(each) });
const denying = (...each: readonly object[]) => ({
  deny: istio('AuthorizationPolicy', 'deny', { action: 'DENY', rules: each }),
});
const to = (operation: object) => ({ to: [{ operation }] });

/** A rule for tokens beside the RequestAuthentication that says where they are. */
const tokensFrom = (fromHeaders: readonly object[], requestPrincipal = 'https://i/*') => ({
  tokens: istio('RequestAuthentication', 'r', {
    selector: { matchLabels: { app: 'cart' } },
    jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}', ...(fromHeaders.length > 0 ? { fromHeaders } : {}) }],
  }),
  policy: cartPolicy([cartRule({ requestPrincipals: [requestPrincipal] })]),
});

/** Patterns that cross each other in more ways than there are steps to take. */
const CROSSING = Array.from({ length: 24 }, (_, index) => `*a${index}*b${index}*`);

/** Codes about rules without a part in any verdict, decided exactly. */
export const IDLE_RULE_CASES: readonly CodeCase[] = [
  {
    code: 'authz/unreachable-rule',
    bad: rules(cartRule(), cartRule({}, { paths: ['/shop.Cart/Add*'], notPaths: ['/shop.Cart/A*'] })),
    good: rules(cartRule(), cartRule({}, { paths: ['/shop.Cart/A*'], notPaths: ['/shop.Cart/Add*'] })),
    because: 'some of the paths are not excluded',
  },
  {
    code: 'authz/unreachable-rule',
    bad: rules(cartRule({ principals: ['td/ns/shop/sa/front'], notNamespaces: ['shop'] })),
    good: rules(cartRule({ principals: ['td/ns/shop/sa/front'], notNamespaces: ['sho'] })),
    because: 'the namespace of the caller is another than the excluded one',
  },
  {
    code: 'authz/redundant-rule',
    bad: rules(cartRule(), cartRule({}, { paths: ['/shop.Cart/*'] })),
    good: rules(cartRule(), cartRule({}, { paths: ['/shop.Cart/Add'] })),
    because: 'the rules allow different methods',
  },
  {
    code: 'authz/redundant-rule',
    bad: rules(
      cartRule(),
      cartRule({}, { paths: ['/shop.Cart/G*'], notPaths: ['/shop.Cart/Get'] }),
      cartRule({}, { paths: ['/shop.Cart/G*'] }),
    ),
    good: rules(cartRule(), cartRule({}, { paths: ['/shop.Cart/G*'], notPaths: ['/shop.Cart/Get'] })),
    because: 'neither rule matches what the other does',
  },
  {
    code: 'authz/shadowed-rule',
    bad: denying({ from: [{ source: { principals: ['td/ns/shop/*'] } }] }),
    good: denying({ from: [{ source: { principals: ['td/ns/other/*'] } }] }),
    because: 'the denied callers are others',
  },
  {
    code: 'authz/shadowed-rule',
    bad: denying(to({ paths: ['/shop.Cart/G*'] }), to({ methods: ['POST'], notPaths: ['/shop.Cart/G*'] })),
    good: denying(to({ paths: ['/shop.Cart/A*'] }), to({ methods: ['POST'], notPaths: ['/shop.Cart/G*'] })),
    because: 'one path is left between the two',
  },
  {
    code: 'authz/overridden-rule',
    bad: denying({ from: [{ source: { principals: ['td/ns/other/*'] } }] }),
    good: denying({ from: [{ source: { principals: ['td/ns/shop/*'] } }], ...to({ paths: ['/shop.Cart/Ge*'] }) }),
    because: 'it takes something back',
  },
  {
    code: 'authz/overridden-rule',
    bad: denying({ from: [{ source: { notPrincipals: ['*'] } }] }),
    good: denying({ from: [{ source: { principals: ['td/ns/*'], notPrincipals: ['*'] } }] }),
    because: 'the rule contradicts itself, which is another fault',
  },
  {
    code: 'authz/unreachable-rule',
    bad: denying({ from: [{ source: { principals: ['td/ns/*'], notPrincipals: ['*'] } }] }),
    good: denying({ from: [{ source: { notPrincipals: ['*'] } }] }),
    because: 'plaintext is what the rule means, and STRICT refuses it before',
  },
  {
    code: 'authz/undecided-rule',
    bad: tokensFrom([{ name: 'x-token' }]),
    good: tokensFrom([]),
    because: 'the token is where requests carry it',
  },
  {
    code: 'authz/unreachable-rule',
    bad: tokensFrom([], 'https://i*'),
    good: tokensFrom([{ name: 'x-token' }], 'https://i*'),
    because: 'tokens in another header are not seen',
  },
  {
    code: 'authz/undecided-rule',
    bad: rules(cartRule({ principals: undefined, namespaces: CROSSING })),
    good: rules(cartRule({ principals: undefined, namespaces: CROSSING.slice(0, 2) })),
    because: 'two patterns cross in few ways',
  },
];
