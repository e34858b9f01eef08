import { expect, test } from 'vitest';
import { tryFindLeaf } from '#infra/cluster/certificates.ts';
import { createAuthority } from '#infra/local/authority.ts';

const dumpOf = (name: string, chain: string) => ({
  configs: [
    { name: 'ROOTCA', secret: { validation_context: {} } },
    {
      name,
      secret: { tls_certificate: { certificate_chain: { inline_bytes: Buffer.from(chain).toString('base64') } } },
    },
  ],
});

test('the leaf is the first of the chain that Envoy shows, with identity, issuer and end', async () => {
  const authority = await createAuthority('mesh');
  const spiffeId = 'spiffe://trading.local/ns/trading/sa/order';
  const leaf = await authority.issue({ spiffeId, dnsNames: ['order.trading'], lifetimeMs: 3_600_000 });
  const found = tryFindLeaf(dumpOf('default', leaf.certificate + authority.bundle));
  expect(found).toMatchObject({ spiffeId, issuer: 'CN=mesh, O=Meshwright development authority' });
  expect(found?.notAfter.getTime()).toBe(leaf.expiresAt);
  expect(found?.serial).toBe(leaf.serial);
});

test('a proxy without a certificate has none', async () => {
  const authority = await createAuthority('mesh');
  expect(tryFindLeaf({})).toBeUndefined();
  expect(tryFindLeaf(dumpOf('kubernetes://ingress-tls', authority.bundle))).toBeUndefined();
});
