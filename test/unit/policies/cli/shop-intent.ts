/** What the small shop declares: `front` may call one method of `cart`. */
export const SHOP_INTENT = {
  version: 1,
  trustDomain: 'td',
  grants: [
    {
      caller: { kind: 'workload', namespace: 'shop', serviceAccount: 'front' },
      callee: { kind: 'workload', namespace: 'shop', workload: 'cart' },
      protocol: 'grpc',
      port: 8080,
      http: { method: 'POST', path: '/shop.Cart/Get' },
      user: null,
      owner: 'shop',
      reason: 'the basket',
    },
  ],
  platform: [],
};
