import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '#infra/cluster/manifests.ts';
import { ownerRole, planDatabaseSecrets, planIngressSecret, superuser } from '#infra/cluster/secrets.ts';
import { catalog } from '#services/catalog.ts';

type Entries = Readonly<Record<string, string>>;

/** A cluster that holds what was written into it. */
function clusterWith(objects: readonly KubernetesObject[]) {
  const held = new Map(
    objects.map(({ metadata, ...rest }) => [
      `${metadata.namespace}/${metadata.name}`,
      new Map(Object.entries(rest['stringData'] as Entries)),
    ]),
  );
  return { tryFindSecret: async (namespace: string, name: string) => held.get(`${namespace}/${name}`) };
}

const entriesOf = ({ stringData }: KubernetesObject): Entries => stringData as Entries;
const hourMs = 3_600_000;

describe('the passwords of the database', () => {
  test('are made for the server and for every service with a schema, each its own', async () => {
    const { missing, value } = await planDatabaseSecrets(clusterWith([]), catalog);
    const names = missing.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(names.sort()).toEqual([
      'data/postgres-passwords',
      'trading/execution-database',
      'trading/order-database',
      'trading/portfolio-database',
      'trading/risk-database',
    ]);
    const all = [value.superuser, value.owner, ...value.roles.values()];
    expect(new Set(all).size).toBe(all.length);
    for (const password of all) expect(password.length).toBeGreaterThanOrEqual(32);
  });

  test('stay as they are in the cluster: the server was made with them', async () => {
    const first = await planDatabaseSecrets(clusterWith([]), catalog);
    const second = await planDatabaseSecrets(clusterWith(first.missing), catalog);
    expect(second).toEqual({ missing: [], value: first.value });
  });

  test('of an interrupted run are completed, not exchanged', async () => {
    const first = await planDatabaseSecrets(clusterWith([]), catalog);
    const half = first.missing.slice(0, 2);
    const second = await planDatabaseSecrets(clusterWith(half), catalog);
    expect(second.missing).toHaveLength(first.missing.length - 2);
    expect(second.value.superuser).toBe(first.value.superuser);
  });

  test('reach a service alone: the namespace of the services never holds those of the server', async () => {
    const { missing, value } = await planDatabaseSecrets(clusterWith([]), catalog);
    const inTrading = missing
      .filter(({ metadata }) => metadata.namespace === 'trading')
      .flatMap((each) => Object.values(entriesOf(each)));
    expect(inTrading).not.toContain(value.owner);
    expect(inTrading).not.toContain(value.superuser);
    const server = missing.find(({ metadata }) => metadata.name === 'postgres-passwords');
    expect(Object.keys(server === undefined ? {} : entriesOf(server)).sort()).toEqual([superuser, ownerRole].sort());
  });
});

describe("the gateway's certificate", () => {
  test('names the public host, fits its key, and is trusted through an authority whose key is nowhere', async () => {
    const { missing, value } = await planIngressSecret(clusterWith([]), 'api.trading.local');
    const entries = entriesOf(missing[0] as KubernetesObject);
    const certificate = new X509Certificate(entries['tls.crt'] ?? '');
    expect(certificate.checkHost('api.trading.local')).toBe('api.trading.local');
    expect(certificate.checkPrivateKey(createPrivateKey(entries['tls.key'] ?? ''))).toBe(true);
    expect(certificate.verify(new X509Certificate(value.ca).publicKey)).toBe(true);
    expect(Object.keys(entries).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  });

  test('is kept while it is good, and made anew for another host or a week before its end', async () => {
    const first = await planIngressSecret(clusterWith([]), 'api.trading.local');
    const held = clusterWith(first.missing);
    expect(await planIngressSecret(held, 'api.trading.local')).toEqual({ missing: [], value: first.value });
    expect((await planIngressSecret(held, 'api.other.local')).missing).toHaveLength(1);
    const inTwelveWeeks = () => Date.now() + 12 * 7 * 24 * hourMs;
    expect((await planIngressSecret(held, 'api.trading.local', inTwelveWeeks)).missing).toHaveLength(1);
  });
});
