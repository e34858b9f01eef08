import { describe, expect, test } from 'vitest';
import { diff, diffPrepared } from '#policies/analysis/compare/diff.ts';
import { Preparation } from '#policies/analysis/compare/prepared.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from '../../../../bench/fleet.ts';
import { Draw } from '../../../../support/draw.ts';
import { documentsOf, synthesized } from '../../../../support/synthesized.ts';
import { CLEAN, cartPolicy, cartRule, deployment, istio, type Parts, service, settings } from '../lint/lint-mesh.ts';

function meshOf(documents: Parameters<typeof parseMesh>[0]): Mesh {
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return mesh.value;
}

const files = await synthesized('kind');
const edited = (from: string, to: string): Mesh =>
  meshOf(documentsOf(new Map([...files].map(([name, text]) => [name, text.replaceAll(from, to)]))));
const ours = edited('', '');

const readText = (text: string) => meshOf(readDocuments('mesh.yaml', text).documents);
const read = (parts: Parts) =>
  readText(
    Object.values(parts)
      .filter((text) => text !== null)
      .join('\n---\n'),
  );

/** `front` calls `cart` over the network; a third workload, `back`, is called by nobody. */
const SHOP: Parts = {
  ...CLEAN,
  back: deployment('back'),
  backService: service('back'),
  network: istio('NetworkPolicy', 'all', { podSelector: {}, policyTypes: ['Ingress'], ingress: [] }),
  cartNetwork: istio('NetworkPolicy', 'cart', {
    podSelector: { matchLabels: { app: 'cart' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'front' } } }], ports: [{ port: 8080 }] }],
  }),
};
const shopDiff = (before: Parts, after: Parts) =>
  diff(read({ ...SHOP, ...before }), read({ ...SHOP, ...after }), DEFAULT_PROFILE);

describe('the grants of a difference', () => {
  test('of a mesh with itself are all unchanged, and nothing else is reported', () => {
    const { changes, weakened, paths, unknown } = diff(ours, ours, DEFAULT_PROFILE);
    expect(new Set(changes.map(({ change }) => change))).toEqual(new Set(['unchanged']));
    expect({ weakened, paths, unknown }).toEqual({ weakened: [], paths: [], unknown: [] });
  });

  test('name the added caller and the changed claim, and the other way round', () => {
    const wider = edited('trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/*');
    const added = diff(ours, wider, DEFAULT_PROFILE).changes.filter(({ change }) => change === 'added');
    expect(added.map(({ grant }) => `${grant.source.principal} ${grant.http?.path}`)).toContain(
      'spiffe://trading.local/ns/trading/sa/* /trading.execution.v1.ExecutionService/SubmitTrade',
    );
    const removed = diff(wider, ours, DEFAULT_PROFILE).changes.filter(({ change }) => change === 'removed');
    expect(removed.length).toBe(added.length);
    const claims = diff(ours, edited('operations.market', 'operations.any'), DEFAULT_PROFILE).changes;
    const changed = claims.filter(({ change }) => change === 'changed');
    expect(changed.map(({ grant }) => grant.http?.path)).toContain(
      '/trading.execution.v1.ExecutionService/SetTradingHalt',
    );
    expect(changed[0]?.added?.example?.request).toMatchObject({ jwt: { claims: { scope: 'operations.any' } } });
  });

  test.for([
    { what: 'account', before: {}, after: { front: deployment('front', '', 'other') } },
    { what: 'trust domain', before: {}, after: { settings: settings({ trustDomain: 'elsewhere' }) } },
  ])('tell a workload of another $what from what it was, also where both may call', ({ before, after }) => {
    const open = { policy: cartPolicy([{ from: [{ source: { namespaces: ['shop'] } }] }]) };
    const { changes } = shopDiff({ ...open, ...before }, { ...open, ...after });
    const ofFront = changes.filter(
      ({ change, grant: { source } }) =>
        change !== 'unchanged' && source.kind === 'workload' && source.workload === 'front',
    );
    expect(ofFront.map(({ change }) => change).toSorted()).toEqual(['added', 'removed']);
    for (const { added, removed } of ofFront) {
      expect([added?.example?.before, added?.example?.after?.verdict]).toEqual(
        added === null ? [undefined, undefined] : [null, 'allow'],
      );
      expect([removed?.example?.before?.verdict, removed?.example?.after]).toEqual(
        removed === null ? [undefined, undefined] : ['allow', null],
      );
    }
  });

  test('carry a request, the rule that lets it in, and what stopped it before', () => {
    const [added] = shopDiff(
      {},
      { policy: cartPolicy([cartRule({}, { paths: ['/shop.Cart/Get', '/shop.Cart/Add'] })]) },
    ).changes.filter(({ change }) => change === 'added');
    expect(added?.grant.http?.path).toBe('/shop.Cart/Add');
    expect(added?.added?.example).toMatchObject({
      request: { source: { workload: { namespace: 'shop', name: 'front' } }, http: { path: '/shop.Cart/Add' } },
      before: { verdict: 'deny', layer: 'authorization-policy', policy: null },
      after: { verdict: 'allow', policy: 'shop/cart', rule: 0 },
    });
    expect(added?.removed).toBeNull();
  });

  test('say that a caller, or a callee, is not part of a version', () => {
    const [gone] = shopDiff({}, { cart: null, cartService: null }).changes;
    expect(gone).toMatchObject({
      change: 'removed',
      removed: { example: { before: { verdict: 'allow' }, after: null } },
    });
  });

  test('stand in an order that the order of documents does not change', () => {
    const after = edited('trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/*');
    const turned = { ...after, workloads: after.workloads.toReversed(), services: after.services.toReversed() };
    const shown = (mesh: Mesh) => diff(ours, mesh, DEFAULT_PROFILE).changes.map(({ change, grant }) => [change, grant]);
    expect(shown(turned)).toEqual(shown(after));
  });
});

describe('ways from the internet', () => {
  const gateway: Parts = {
    edge: istio('Gateway', 'edge', {
      selector: { app: 'front' },
      servers: [{ port: { number: 8080, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
    }),
    edgeRoutes: istio('VirtualService', 'edge', {
      hosts: ['*'],
      gateways: ['edge'],
      http: [{ route: [{ destination: { host: 'cart', port: { number: 80 } } }] }],
    }),
    frontNetwork: istio('NetworkPolicy', 'front', { podSelector: { matchLabels: { app: 'front' } }, ingress: [{}] }),
    frontPolicy: istio('AuthorizationPolicy', 'front', { selector: { matchLabels: { app: 'front' } }, rules: [{}] }),
  };
  const backOpen = (caller: string): Parts => ({
    backPolicy: istio('AuthorizationPolicy', 'back', {
      selector: { matchLabels: { app: 'back' } },
      rules: [{ from: [{ source: { principals: [`td/ns/shop/sa/${caller}`] } }] }],
    }),
    backNetwork: istio('NetworkPolicy', 'back', { podSelector: { matchLabels: { app: 'back' } }, ingress: [{}] }),
  });

  test('lead over the gateway to what it calls, and on', () => {
    const { paths } = shopDiff(gateway, { ...gateway, ...backOpen('cart') });
    expect(paths).toEqual([
      { change: 'added', way: ['shop/front', 'shop/cart', 'shop/back'], reaches: 'another workload' },
    ]);
  });

  test('are told when they are gone, and when they lead to what was in reach already', () => {
    const [over, direct] = [backOpen('cart'), backOpen('front')];
    const { paths } = shopDiff({ ...gateway, ...over }, { ...gateway, ...direct });
    expect(paths).toEqual([
      { change: 'added', way: ['shop/front', 'shop/back'], reaches: 'a workload in reach already' },
      { change: 'removed', way: ['shop/front', 'shop/cart', 'shop/back'], reaches: 'a workload in reach already' },
    ]);
  });

  test('do not start where NetworkPolicies keep the outside out', () => {
    const closed = { ...gateway, frontNetwork: null };
    expect(shopDiff(closed, { ...closed, ...backOpen('cart') }).paths).toEqual([]);
  });
});

describe('claims', () => {
  test('that one version splits at spaces and the other does not are told apart by a text of several words', () => {
    const asks = cartPolicy([{ ...cartRule(), when: [{ key: 'request.auth.claims[groups]', values: ['a'] }] }]);
    const token = (more: object) =>
      istio('RequestAuthentication', 'cart', {
        jwtRules: [{ issuer: 'i', jwks: JSON.stringify({ keys: [{ kty: 'oct', k: 'YQ' }] }), ...more }],
      });
    const whole = { policy: asks, token: token({}) };
    const split = { policy: asks, token: token({ spaceDelimitedClaims: ['groups'] }) };
    const { changes, unknown } = shopDiff(whole, split);
    expect(unknown).toEqual([]);
    const [changed] = changes.filter(({ change }) => change !== 'unchanged');
    expect(changed?.added?.example).toMatchObject({ before: { verdict: 'deny' }, after: { verdict: 'allow' } });
    const text = JSON.stringify(changed?.added?.example?.request).match(/"groups":"([^"]*)"/)?.[1];
    expect(text).toContain(' ');
    expect(text?.split(' ')).toContain('a');
    expect(shopDiff(whole, whole).unknown).toEqual([]);
    expect(shopDiff(split, split).unknown).toEqual([]);
  });
});

describe('a weakened layer', () => {
  const token = (issuer: string, key = 'YQ') =>
    istio('RequestAuthentication', 'cart', {
      jwtRules: [{ issuer, jwks: JSON.stringify({ keys: [{ kty: 'oct', k: key }] }) }],
    });
  const network = (ingress: object) =>
    istio('NetworkPolicy', 'cart', { podSelector: { matchLabels: { app: 'cart' } }, ...ingress });
  const sidecar = (hosts: readonly string[], mode = 'REGISTRY_ONLY') =>
    istio('Sidecar', 'default', { egress: [{ hosts }], outboundTrafficPolicy: { mode } });
  const asked = { extensionProviders: [{ name: 'asked', envoyExtAuthzGrpc: { service: 'a', port: 1 } }] };
  const custom = (rule: object) =>
    istio('AuthorizationPolicy', 'ask', { action: 'CUSTOM', provider: { name: 'asked' }, rules: [rule] });

  test.for<{ readonly what: string; readonly before?: Parts; readonly after: Parts; readonly shown: string }>([
    {
      what: 'mTLS mode',
      after: {
        strict: istio('PeerAuthentication', 'default', { mtls: { mode: 'PERMISSIVE' } }, { namespace: 'istio-system' }),
      },
      shown: 'mtls-mode shop/cart: mTLS mode STRICT became PERMISSIVE',
    },
    {
      what: 'a sidecar taken away',
      after: { cart: deployment('cart', "annotations: {sidecar.istio.io/inject: 'false'}") },
      shown: 'data-plane shop/cart: a sidecar became no proxy',
    },
    {
      what: 'ambient instead of sidecars',
      after: {
        namespace:
          '{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}',
      },
      shown: 'data-plane shop/cart: a sidecar became ambient without waypoint',
    },
    {
      what: 'isolation given up',
      after: { network: null, cartNetwork: null },
      shown: 'network-isolation shop/cart: no NetworkPolicy isolates it for ingress any more',
    },
    {
      what: 'a peer more',
      after: { cartNetwork: network({ ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }] }) },
      shown: 'network-policy shop/cart: NetworkPolicy admits calls from `shop/back` (ports 8080)',
    },
    {
      what: 'a port more',
      after: { cartNetwork: network({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'front' } } }] }] }) },
      shown: 'network-policy shop/cart: NetworkPolicy admits calls from `shop/front` (ports 9000, other)',
    },
    {
      what: 'addresses outside',
      after: { cartNetwork: network({ ingress: [{ from: [{ ipBlock: { cidr: '203.0.113.0/24' } }] }] }) },
      shown:
        'network-policy shop/cart: NetworkPolicy admits calls from addresses such as 203.0.113.7 (ports 8080, 9000, other)',
    },
    {
      what: 'tokens no longer looked at',
      before: { token: token('https://i') },
      after: { token: null },
      shown: 'token shop/cart: no RequestAuthentication looks at tokens any more: none is refused',
    },
    {
      what: 'an issuer more',
      before: { token: token('https://i') },
      after: {
        token: istio('RequestAuthentication', 'cart', {
          jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[{"kty":"oct","k":"YQ"}]}' }, { issuer: 'https://other' }],
        }),
      },
      shown: 'token shop/cart: a token such as {"claims":{"iss":"https://other"}} was refused and is not any more',
    },
    {
      what: 'other keys',
      before: { token: token('https://i') },
      after: { token: token('https://i', 'Yg') },
      shown: 'token-keys shop/cart: tokens of `https://i` are verified with other keys',
    },
    {
      what: 'the guard on outgoing calls',
      before: { sidecar: sidecar(['./cart.shop.svc.cluster.local']) },
      after: { sidecar: sidecar(['./cart.shop.svc.cluster.local'], 'ALLOW_ANY') },
      shown: 'egress-guard shop/front: outbound traffic REGISTRY_ONLY became ALLOW_ANY',
    },
    {
      what: 'a Service more in the registry',
      before: { sidecar: sidecar(['./cart.shop.svc.cluster.local']) },
      after: { sidecar: sidecar(['./*']) },
      shown:
        'egress-guard shop/front: its sidecar knows `back.shop.svc.cluster.local:80`, `back.shop.svc.cluster.local:9000` as well',
    },
    {
      what: 'a host outside',
      after: {
        entry: istio('ServiceEntry', 'bank', {
          hosts: ['bank.example'],
          ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
          resolution: 'DNS',
        }),
      },
      shown: 'egress-guard the mesh: ServiceEntry `shop/bank` adds the outside host `bank.example:443`',
    },
    {
      what: 'the default deny',
      after: { rootDeny: null, shopDeny: null },
      shown: 'default-deny shop/cart: no ALLOW policy without rules applies any more: the default deny is gone',
    },
    {
      what: 'an external service that is asked less',
      before: { settings: settings(asked), custom: custom({}) },
      after: { settings: settings(asked), custom: custom({ to: [{ operation: { paths: ['/admin'] } }] }) },
      shown: 'external-authorization shop/cart: an external authorization service is asked about fewer requests',
    },
    {
      what: 'another trust domain',
      after: { settings: settings({ trustDomainAliases: ['other'] }) },
      shown: 'trust-domain the mesh: identities of trust domain `other` are accepted',
    },
    {
      what: 'path normalization',
      before: { settings: settings({ pathNormalization: { normalization: 'DECODE_AND_MERGE_SLASHES' } }) },
      after: { settings: settings() },
      shown: 'path-normalization the mesh: path normalization DECODE_AND_MERGE_SLASHES became BASE',
    },
    {
      what: 'one of two layers that stop a call',
      after: { policy: cartPolicy([cartRule({ principals: ['td/ns/shop/sa/front', 'td/ns/shop/sa/back'] })]) },
      shown:
        'defence-in-depth shop/cart: calls of `shop/back` were stopped by destination-network-policy and authorization-policy, are now by destination-network-policy alone',
    },
  ])('is reported: $what', ({ before = {}, after, shown }) => {
    const lines = (was: Parts, is: Parts) =>
      shopDiff(was, is).weakened.map(({ kind, workload, message }) => `${kind} ${workload ?? 'the mesh'}: ${message}`);
    expect(lines(before, { ...before, ...after }).join('\n')).toContain(shown);
    // the way back strengthens the layer; keys that changed are others in both directions
    if (!shown.startsWith('token-keys')) expect(lines({ ...before, ...after }, before)).not.toContain(shown);
  });

  test('is none of a workload that is new', () => {
    const open = { extra: deployment('extra', "annotations: {sidecar.istio.io/inject: 'false'}") };
    expect(shopDiff({}, open).weakened.filter(({ workload }) => workload === 'shop/extra')).toEqual([]);
  });
});

describe('the work of a difference', () => {
  const SEED = Number(process.env['SEED'] ?? 11);
  const fleet = newFleet(40, 5).yaml.split('\n---\n');

  test(`is that of what changed, with the same result as comparing everything (seed ${SEED})`, {
    timeout: 600_000,
  }, () => {
    const draw = new Draw(SEED);
    const preparation = new Preparation(DEFAULT_PROFILE);
    const before = preparation.of(readText(fleet.join('\n---\n')));
    for (let round = 0; round < 10; round += 1) {
      const policies = fleet.flatMap((text, index) => (text.includes('principals:') ? [index] : []));
      const at = draw.of(policies);
      const edits: readonly ((text: string) => string)[] = [
        (text) => text.replace(/sa\/service-\d+/, `sa/service-${draw.integer(40)}`),
        (text) => text.replace('- POST', "- '*'"),
        (text) => text.replace('/Method0', '/*'),
        (text) => text.replace('action: ALLOW', 'action: DENY'),
      ];
      const changed = fleet.with(at, draw.of(edits)(fleet[at] ?? ''));
      const after = preparation.of(readText(changed.join('\n---\n')));
      const [all, quick] = [diffPrepared(before, after), diffPrepared(before, after, { list: 'changes' })];
      const real = ({ changes }: typeof all) => changes.filter(({ change }) => change !== 'unchanged');
      expect(real(quick), `round ${round}`).toEqual(real(all));
      expect([quick.weakened, quick.paths]).toEqual([all.weakened, all.paths]);
      expect(quick.same).toBeGreaterThanOrEqual(fleet[at] === changed[at] ? 40 : 39);
    }
  });

  test('does not skip a workload whose caller changed', () => {
    const [before, after] = [read(SHOP), read({ ...SHOP, front: deployment('front', '', 'other') })];
    const preparation = new Preparation(DEFAULT_PROFILE);
    const { changes } = diffPrepared(preparation.of(before), preparation.of(after), { list: 'changes' });
    const shown = changes.map(({ change, grant }) => `${change} ${grant.source.kind}`);
    expect(shown).toContain('removed workload');
  });
});
