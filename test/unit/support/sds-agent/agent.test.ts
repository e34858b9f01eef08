/** The stand-in for SPIRE's agent, seen from a proxy's side of its socket. */
import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { afterEach, describe, expect, test } from 'vitest';
import { algorithm, newKeys, newSerial } from '#infra/local/authority.ts';
import type { UpstreamRoot } from '../../../support/sds-agent/signing-authority.ts';
import { type Node, Subscriber, startNode } from './node.ts';

let node: Node | undefined;
const open: Subscriber[] = [];
const subscribe = (folder: string, name: string, options = {}): Subscriber => {
  const subscriber = new Subscriber(folder, name, options);
  open.push(subscriber);
  return subscriber;
};
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await node?.close();
});

/** The certificates of a PEM text in order. */
const certificatesOf = (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (each) => new X509Certificate(each),
  );

async function certificate(subscriber: Subscriber, count = 1): Promise<readonly X509Certificate[]> {
  const secret = await subscriber.atLeast(count);
  if (secret.kind !== 'certificate') throw new Error(`expected a certificate, got ${secret.kind}`);
  return certificatesOf(secret.chain);
}

async function roots(subscriber: Subscriber, count = 1): Promise<readonly X509Certificate[]> {
  const secret = await subscriber.atLeast(count);
  if (secret.kind !== 'roots') throw new Error(`expected roots, got ${secret.kind}`);
  return certificatesOf(secret.bundle);
}

/** True iff `leaf` reaches one of `trusted` through `between`. */
function isTrusted([leaf, ...between]: readonly X509Certificate[], trusted: readonly X509Certificate[]): boolean {
  if (leaf === undefined) return false;
  const signer = between[0];
  const isSignedBy = (issuer: X509Certificate) => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
  if (signer !== undefined) return isSignedBy(signer) && isTrusted(between, trusted);
  return trusted.some(isSignedBy);
}

/** A root as Go makes one since 1.25: its key identifier is no SHA-1 of its key, and a chain must repeat it as it is. */
async function rootOutside(): Promise<UpstreamRoot> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: 'CN=root outside',
    notAfter: new Date(Date.now() + 3_600_000),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      new SubjectKeyIdentifierExtension('000102030405060708090a0b0c0d0e0f10111213'),
    ],
  });
  const privateKey = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { certificate: `${certificate.toString('pem')}\n`, privateKey };
}

describe('a registered pod', () => {
  test('gets a short certificate for its own SPIFFE ID, which the roots of the same socket verify', async () => {
    node = await startNode({ ttl: '2m' });
    const folder = await node.publish('trading', 'order');
    const chain = await certificate(subscribe(folder, 'default'));
    const trusted = await roots(subscribe(folder, 'ROOTCA'));
    const [leaf] = chain;
    expect(leaf?.subjectAltName).toBe('URI:spiffe://trading.local/ns/trading/sa/order');
    expect(leaf?.ca).toBe(false);
    expect(leaf?.issuer).toContain('CN=stand-in 1');
    expect(Date.parse(leaf?.validTo ?? '') - Date.now()).toBeLessThanOrEqual(121_000);
    expect(isTrusted(chain, trusted)).toBe(true);
  });

  test('gets another certificate at half of its life, without asking', async () => {
    node = await startNode({ ttl: '2s' });
    const subscriber = subscribe(await node.publish('trading', 'order'), 'default');
    const [first] = await certificate(subscriber);
    const [second] = await certificate(subscriber, 2);
    expect(second?.serialNumber).not.toBe(first?.serialNumber);
    // The first was still valid when the second came.
    expect(Date.parse(first?.validTo ?? '')).toBeGreaterThan(Date.parse(second?.validFrom ?? ''));
  });

  test('is the only one of its folder: two pods never share a certificate', async () => {
    node = await startNode();
    const [order, risk] = [await node.publish('trading', 'order'), await node.publish('trading', 'risk')];
    const names = [order, risk].map(
      async (folder) => (await certificate(subscribe(folder, 'default')))[0]?.subjectAltName,
    );
    expect(await Promise.all(names)).toEqual([
      'URI:spiffe://trading.local/ns/trading/sa/order',
      'URI:spiffe://trading.local/ns/trading/sa/risk',
    ]);
  });
});

describe('a pod without a registration', () => {
  test.for([
    { namespace: 'trading', account: 'stranger', because: 'nobody registered the account' },
    { namespace: 'elsewhere', account: 'order', because: 'the right account in another namespace is another identity' },
  ])('$namespace/$account is refused: $because', async ({ namespace, account }) => {
    node = await startNode();
    const subscriber = subscribe(await node.publish(namespace, account), 'default');
    await expect(subscriber.atLeast(1)).rejects.toThrow('PERMISSION_DENIED: no identity issued');
    expect(node.agent.report()[0]).toMatchObject({ spiffeId: null, serial: null });
  });
});

describe('a change of the authority', () => {
  test('is known everywhere before it signs anything, and the old root goes last', async () => {
    node = await startNode();
    const folder = await node.publish('trading', 'order');
    const [leaves, bundles] = [subscribe(folder, 'default'), subscribe(folder, 'ROOTCA')];
    const before = await certificate(leaves);
    expect(await roots(bundles)).toHaveLength(1);

    await node.agent.prepareAuthority();
    const overlapping = await roots(bundles, 2);
    expect(overlapping).toHaveLength(2);
    expect(leaves.received).toHaveLength(1);

    await node.agent.activateAuthority();
    const after = await certificate(leaves, 2);
    expect(after[0]?.issuer).toContain('CN=stand-in 2');
    expect([isTrusted(before, overlapping), isTrusted(after, overlapping)]).toEqual([true, true]);

    node.agent.retireAuthorities();
    const last = await roots(bundles, 3);
    expect([isTrusted(before, last), isTrusted(after, last)]).toEqual([false, true]);
  });

  test('below a root from outside changes the issuer and not the root', async () => {
    const upstream = await rootOutside();
    node = await startNode({ upstream });
    const folder = await node.publish('trading', 'order');
    const [leaves, bundles] = [subscribe(folder, 'default'), subscribe(folder, 'ROOTCA')];
    const before = await certificate(leaves);
    await node.agent.prepareAuthority();
    await node.agent.activateAuthority();
    const after = await certificate(leaves, 2);
    const trusted = await roots(bundles);
    expect(trusted.map(({ subject }) => subject)).toEqual([expect.stringContaining('CN=root outside')]);
    expect([before, after].map((chain) => [chain.length, isTrusted(chain, trusted)])).toEqual([
      [2, true],
      [2, true],
    ]);
    expect(after[0]?.issuer).not.toBe(before[0]?.issuer);
  });
});

describe('what the stand-in knows of a proxy', () => {
  test('is whether it took what was sent', async () => {
    node = await startNode();
    await subscribe(await node.publish('trading', 'order'), 'default').atLeast(1);
    await subscribe(await node.publish('trading', 'risk'), 'default', { takes: false }).atLeast(1);
    const taken = async (): Promise<readonly boolean[]> => (node?.agent.report() ?? []).map(({ isTaken }) => isTaken);
    await expect.poll(taken).toEqual([true, false]);
    await expect.poll(() => node?.log).toContain('trading/risk: refused: not this one');
  });
});
