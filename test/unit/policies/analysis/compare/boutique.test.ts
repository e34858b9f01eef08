import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { reach } from '#policies/analysis/compare/reach.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';

/** Online Boutique's chart, rendered with policies on; it is not part of the repository. */
const file = new URL('../../../../../../shared/data/online-boutique.yaml', import.meta.url);
const isThere = existsSync(file);
const profile = { profile: DEFAULT_PROFILE };

/** Container ports by service. */
const PORTS = {
  adservice: 9555,
  cartservice: 7070,
  checkoutservice: 5050,
  currencyservice: 7000,
  emailservice: 8080,
  paymentservice: 50_051,
  productcatalogservice: 3550,
  recommendationservice: 8080,
  shippingservice: 50_051,
} as const;

/** What the clients of Online Boutique call, as their code says: caller, service of the callee, method. */
const CALLS: readonly (readonly [caller: string, callee: keyof typeof PORTS, method: string])[] = [
  ['frontend', 'adservice', 'AdService/GetAds'],
  ['frontend', 'cartservice', 'CartService/AddItem'],
  ['frontend', 'cartservice', 'CartService/EmptyCart'],
  ['frontend', 'cartservice', 'CartService/GetCart'],
  ['frontend', 'checkoutservice', 'CheckoutService/PlaceOrder'],
  ['frontend', 'currencyservice', 'CurrencyService/Convert'],
  ['frontend', 'currencyservice', 'CurrencyService/GetSupportedCurrencies'],
  ['frontend', 'productcatalogservice', 'ProductCatalogService/GetProduct'],
  ['frontend', 'productcatalogservice', 'ProductCatalogService/ListProducts'],
  ['frontend', 'recommendationservice', 'RecommendationService/ListRecommendations'],
  ['frontend', 'shippingservice', 'ShippingService/GetQuote'],
  ['checkoutservice', 'cartservice', 'CartService/EmptyCart'],
  ['checkoutservice', 'cartservice', 'CartService/GetCart'],
  ['checkoutservice', 'currencyservice', 'CurrencyService/Convert'],
  ['checkoutservice', 'emailservice', 'EmailService/SendOrderConfirmation'],
  ['checkoutservice', 'paymentservice', 'PaymentService/Charge'],
  ['checkoutservice', 'productcatalogservice', 'ProductCatalogService/GetProduct'],
  ['checkoutservice', 'shippingservice', 'ShippingService/GetQuote'],
  ['checkoutservice', 'shippingservice', 'ShippingService/ShipOrder'],
  ['recommendationservice', 'productcatalogservice', 'ProductCatalogService/ListProducts'],
];

const UNUSED = [
  'checkoutservice -> cartservice POST /hipstershop.CartService/AddItem',
  'checkoutservice -> currencyservice POST /hipstershop.CurrencyService/GetSupportedCurrencies',
  'checkoutservice -> productcatalogservice POST /hipstershop.ProductCatalogService/ListProducts',
  'frontend -> shippingservice POST /hipstershop.ShippingService/ShipOrder',
  'recommendationservice -> productcatalogservice POST /hipstershop.ProductCatalogService/GetProduct',
];

function boutique(): Mesh {
  const { documents } = readDocuments('online-boutique.yaml', readFileSync(file, 'utf8'));
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return mesh.value;
}

const namespace = 'onlineboutique';
const grant = (serviceAccount: string, workload: string, more: object) => ({
  caller: { kind: 'workload', namespace, serviceAccount },
  callee: { kind: 'workload', namespace, workload },
  user: null,
  owner: 'boutique',
  reason: 'its client calls it',
  ...more,
});

function intent(calls: typeof CALLS) {
  const grants = calls.map(([caller, callee, method]) =>
    grant(caller, callee, {
      protocol: 'grpc',
      port: PORTS[callee],
      http: { method: 'POST', path: `/hipstershop.${method}` },
    }),
  );
  const store = grant('cartservice', 'redis-cart', { protocol: 'tcp', port: 6379, http: null });
  const parsed = parseIntent(
    { version: 1, trustDomain: 'cluster.local', grants: [...grants, store], platform: [] },
    'boutique.json',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

describe.skipIf(!isThere)(`Online Boutique${isThere ? '' : ' (skipped: ../shared/data is not here)'}`, () => {
  const mesh = isThere ? boutique() : undefined;
  const found = () => {
    if (mesh === undefined) throw new Error('the manifests are not here');
    return mesh;
  };

  test('reach finds the 25 gRPC grants: the 20 that clients use and 5 that none does', () => {
    const calls = reach(found(), profile).grants.flatMap(({ source, destination, http, exact }) =>
      source.kind === 'workload' && exact && http?.path.startsWith('/hipstershop.')
        ? [`${source.workload} -> ${destination.workload} ${http.method} ${http.path}`]
        : [],
    );
    const used = CALLS.map(([caller, callee, method]) => `${caller} -> ${callee} POST /hipstershop.${method}`);
    expect(used).toHaveLength(20);
    expect(calls.toSorted()).toEqual([...used, ...UNUSED].toSorted());
  });

  test('verify with the client calls as intent names the 5 unused grants, and nothing is missing', () => {
    const { obligations } = verifyIntent(found(), intent(CALLS), profile);
    const equal = obligations.find(({ name }) => name === 'allowed-equals-declared');
    const toServices = equal?.counterexamples.filter(({ cell }) => cell.includes('/hipstershop.')) ?? [];
    expect(toServices.map(({ cell }) => cell).toSorted()).toEqual(UNUSED);
    expect(equal?.counterexamples.filter(({ expected }) => expected === 'allow')).toEqual([]);
  });

  test('verify says that plaintext is answered, and that every service may call out', () => {
    const { obligations } = verifyIntent(found(), intent(CALLS), profile);
    const of = (name: string) => obligations.find((each) => each.name === name);
    expect(of('mutual-tls-only')?.status).toBe('refuted');
    const open = of('network-equals-declared')?.counterexamples.filter(({ cell }) =>
      cell.includes('-> a pod of elsewhere'),
    );
    expect(new Set(open?.map(({ cell }) => cell.split(' ')[0])).size).toBeGreaterThan(9);
  });
});
