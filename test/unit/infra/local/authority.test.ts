import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '#infra/local/authority.ts';
import { identityFile, readIdentity, rotateIdentities, writeIdentity } from '#infra/local/identity-files.ts';
import { connectionAge } from '#infra/local/identity-source.ts';
import { spiffeId, uriNames } from '#infra/local/spiffe-id.ts';
import { eventually } from './slice/echo-client.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mw-ca-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const order = spiffeId('trading.local', 'trading', 'order');

describe('an X.509-SVID', () => {
  test('has one URI name, a subject of its own, P-256, ten minutes, no right to sign', async () => {
    const authority = await createAuthority('trading.local');
    const leaf = new X509Certificate((await authority.issue({ spiffeId: order, lifetimeMs: 600_000 })).certificate);
    const root = new X509Certificate(authority.bundle);
    expect(uriNames(leaf.subjectAltName)).toEqual([order]);
    expect(leaf.subject).not.toBe(root.subject);
    expect(leaf.ca).toBe(false);
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(Math.round((leaf.validToDate.getTime() - Date.now()) / 60_000)).toBe(10);
  });

  test('names are read as they stand, and a quoted one is never a SPIFFE ID', () => {
    expect(uriNames(`URI:${order}, DNS:x, URI:other`)).toEqual([order, 'other']);
    expect(uriNames('URI:"spiffe://trading.local/a, URI:b"')).toEqual(['"spiffe://trading.local/a, URI:b"']);
    expect(uriNames(undefined)).toEqual([]);
  });
});

describe('identity files', () => {
  test('are readable by their owner only', async () => {
    const authority = await createAuthority('trading.local');
    const place = join(folder, 'owner');
    writeIdentity(place, await authority.issue({ spiffeId: order, lifetimeMs: 60_000 }), authority.bundle);
    expect(statSync(place).mode & 0o777).toBe(0o700);
    expect(statSync(identityFile(place)).mode & 0o777).toBe(0o600);
  });

  test('never show a key beside the certificate of another one, however often they are replaced', async () => {
    const authority = await createAuthority('trading.local');
    const place = join(folder, 'pair');
    const pairs = await Promise.all([0, 1, 2].map(() => authority.issue({ spiffeId: order, lifetimeMs: 60_000 })));
    let mismatches = 0;
    for (let round = 0; round < 60; round += 1) {
      const next = pairs[round % pairs.length];
      if (next === undefined) throw new Error('no pair');
      const before = round === 0 ? undefined : readIdentity(place);
      writeIdentity(place, next, authority.bundle);
      for (const seen of await Promise.all([before, readIdentity(place)])) {
        const pair = pairs.find(({ certificate }) => certificate === seen?.cert);
        if (seen !== undefined && pair?.privateKey !== seen.key) mismatches += 1;
      }
    }
    expect(mismatches).toBe(0);
  });

  test('are renewed at half of the lifetime', async () => {
    const place = join(folder, 'rotated');
    const rotation = await rotateIdentities({
      authority: await createAuthority('trading.local'),
      lifetimeMs: 200,
      folders: new Map([[order, place]]),
      onError: (error) => {
        throw error;
      },
    });
    const seen = new Set<string>();
    await eventually('five certificates', async () => seen.add((await readIdentity(place)).cert).size >= 5);
    rotation.stop();
    expect(seen.size).toBeGreaterThanOrEqual(5);
  });
});

describe('the age of a connection', () => {
  test('ends it before the shorter of both certificates, and drains it well before', () => {
    const age = connectionAge([10_000, 6000], 1000);
    expect(age).toEqual({ drainsAfterMs: 2500, isAskedAfterMs: 3500, endsAfterMs: 4500 });
    expect(connectionAge([500], 1000).endsAfterMs).toBe(0);
  });
});
