/** Environments of real clusters, as a user would write them: rendered, and proved on the rendered YAML. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { federated } from '#infra/environments/examples/federated.ts';
import { ownPlatform } from '#infra/environments/examples/own-platform.ts';
import { twoClusters } from '#infra/environments/examples/two-clusters.ts';
import type { Environment } from '#infra/environments/index.ts';
import { main } from '#policies/cli/main.ts';
import { at, listAt, objectsOf } from '../../support/manifest-object.ts';
import { documentsOf, synthesizedFolders } from '../../support/synthesized.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meshwright-example-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const render = (environment: Environment) => synthesizedFolders(environment.name, { environment });

/** What `verify` says of an environment, and its exit code. */
async function verify(files: ReadonlyMap<string, string>): Promise<{ readonly code: number; readonly said: string }> {
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = Promise.all([text(stdout), text(stderr)]);
  const argv = ['verify', folder, '--intent', join(folder, 'intent.json')];
  const code = await main(argv, { stdin: Readable.from([]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, said: (await said).join('') };
}

const objectIn = (files: ReadonlyMap<string, string>, kind: string, name: string) =>
  objectsOf(files).find((object) => object.kind === kind && object.metadata.name === name);

/**
 * Intent names identities, not addresses. A peer that NetworkPolicies can name by its addresses only is therefore more
 * than intent declares at layer 3; `verify` says so, and these are the addresses that it may say it of.
 */
const examples: readonly { readonly environment: Environment; readonly addresses: readonly string[] }[] = [
  { environment: ownPlatform, addresses: ['10.60.4.0'] },
  { environment: twoClusters[0], addresses: ['10.132.0.0'] },
  { environment: twoClusters[1], addresses: ['10.128.0.0'] },
  { environment: federated, addresses: ['10.200.0.0'] },
];

describe.each(examples)('the example $environment.name', ({ environment, addresses }) => {
  test('allows exactly what is declared; only its NetworkPolicies name addresses that no intent can', async () => {
    const { said } = await verify((await render(environment)).files);
    const refuted = said.split('\n').filter((line) => line.startsWith('refuted'));
    expect(refuted.map((line) => line.replace(/^refuted +/, ''))).toEqual([
      'NetworkPolicies admit every declared connection and no other',
    ]);
    expect(said).toContain('proved      what the proxies allow is exactly what is declared');
    const named = new Set(said.match(/\b10\.\d+\.\d+\.\d+\b/g));
    expect([...named]).toEqual(addresses);
    expect(said).not.toContain(', got allow');
  });
});

describe('with a database outside', () => {
  test('no pod is PostgreSQL, and only its ranges are open, only to services that keep state', async () => {
    const { files } = await render(ownPlatform);
    expect(objectIn(files, 'StatefulSet', 'postgres')).toBeUndefined();
    const open = objectsOf(files)
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .filter(({ spec }) => JSON.stringify(at(spec, 'egress') ?? []).includes('"10.60.4.0/28"'))
      .map(({ metadata }) => metadata.name);
    expect(open.sort()).toEqual(['execution', 'order', 'portfolio', 'risk']);
    expect(JSON.stringify([...files])).not.toContain('"10.0.0.0/8"');
  });

  test('the services speak TLS to it themselves, and check it against the root of the Secret', async () => {
    const { files } = await render(ownPlatform);
    const pod = at(objectIn(files, 'Deployment', 'order')?.spec, 'template', 'spec');
    expect(listAt(pod, 'containers', 0, 'env')).toEqual(
      expect.arrayContaining([
        { name: 'DATABASE_HOST', value: 'ledger.db.corp.example' },
        { name: 'DATABASE_CA_FILE', value: '/var/run/secrets/meshwright/database-ca/ca.crt' },
      ]),
    );
    expect(JSON.stringify(listAt(pod, 'volumes'))).toContain('"secretName":"database-ca"');
    const entry = objectIn(files, 'ServiceEntry', 'order-ledger-db-corp-example');
    expect(at(entry?.spec, 'ports')).toEqual([{ name: 'tcp-5432', number: 5432, protocol: 'TCP' }]);
  });
});

describe('with a collector that the cluster has', () => {
  test('proxies and applications send there, and no Jaeger is ours', async () => {
    const { files } = await render(ownPlatform);
    expect(objectIn(files, 'Deployment', 'jaeger')).toBeUndefined();
    expect(files.get('istio.yaml')).toContain('service: otel-collector.monitoring.svc.cluster.local');
    expect(files.get('manifests/trading/60-workloads.yaml')).toContain(
      'value: http://otel-collector.monitoring.svc.cluster.local:4318',
    );
  });
});

describe('two clusters of one trust domain', () => {
  test('have the same policies byte by byte, whichever is asked, and those of one cluster', async () => {
    const policies = await Promise.all(
      twoClusters.map(async (environment) =>
        objectsOf((await render(environment)).files).filter(({ kind }) => kind === 'AuthorizationPolicy'),
      ),
    );
    expect(policies[0]).toEqual(policies[1]);
  });

  test('let the same pairs through at layer 3, from and to the pods of the other', async () => {
    const [east] = twoClusters;
    const { files } = await render(east);
    const network = objectIn(files, 'NetworkPolicy', 'execution')?.spec;
    const blocks = (direction: string) =>
      listAt(network, direction).filter((rule) => JSON.stringify(rule).includes('10.132.0.0/14'));
    expect(blocks('ingress').map((rule) => at(rule, 'ports'))).toContainEqual([{ port: 50053, protocol: 'TCP' }]);
    expect(blocks('egress').map((rule) => at(rule, 'ports'))).toContainEqual([{ port: 50054, protocol: 'TCP' }]);
  });
});

describe('two trust domains', () => {
  test('exchange roots, without an alias that would merge their identities', async () => {
    const { files, issuer } = await render(federated);
    const domain = documentsOf(issuer).find(({ value }) => at(value, 'kind') === 'ClusterFederatedTrustDomain')?.value;
    expect(at(domain, 'spec')).toMatchObject({
      trustDomain: 'partner.example',
      bundleEndpointProfile: { type: 'https_spiffe', endpointSPIFFEID: 'spiffe://partner.example/spire/server' },
    });
    expect(issuer.get('70-registrations.yaml')).toContain('federatesWith');
    expect(files.get('istio.yaml')).toContain('spiffeBundleUrl: https://spire.partner.example:8443');
    expect(files.get('istio.yaml')).not.toContain('trustDomainAliases');
  });

  test('admit one named caller of the other to one method, and nobody of the same name of ours', async () => {
    const { files } = await render(federated);
    const named = objectsOf(files)
      .filter(({ kind }) => kind === 'AuthorizationPolicy')
      .flatMap(({ metadata, spec }) =>
        listAt(spec, 'rules')
          .filter((rule) => JSON.stringify(rule).includes('partner.example'))
          .map((rule) => ({ name: metadata.name, rule })),
      );
    expect(named.map(({ name }) => name)).toEqual(['market-data-callers']);
    expect(named[0]?.rule).toMatchObject({
      from: [{ source: { principals: ['partner.example/ns/pricing/sa/quote-reader'] } }],
      to: [{ operation: { methods: ['POST'], paths: ['/trading.marketdata.v1.MarketDataService/GetQuote'] } }],
    });
    expect(files.get('istio.yaml')).toContain('- partner.example');
  });
});

describe('delivery by Argo CD', () => {
  test('is one Application outside what it delivers, and orders every object by its file', async () => {
    const { files } = await render(federated);
    expect(files.get('argocd.yaml')).toContain('path: production/manifests');
    const waves = objectsOf(files).map(({ file, metadata }) => [
      file.split('/')[2]?.slice(0, 2),
      metadata.annotations?.['argocd.argoproj.io/sync-wave'],
    ]);
    expect(waves.filter(([prefix, wave]) => Number(prefix) !== Number(wave))).toEqual([]);
  });
});
