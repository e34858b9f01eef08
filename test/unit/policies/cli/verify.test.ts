import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { CLEAN, cartPolicy, cartRule, istio, type Parts } from '../analysis/lint/lint-mesh.ts';
import { faultsBy, run } from './command-line.ts';
import { SHOP_INTENT as INTENT } from './shop-intent.ts';

const app = (name: string) => ({ matchLabels: { app: name } });
const sidecar = (name: string, hosts: readonly string[], more: object = {}) =>
  istio('Sidecar', name, { egress: [{ hosts }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' }, ...more });

/** `front` may call one method of `cart`: rules, network and sidecars say exactly that. */
const SHOP: Parts = {
  ...CLEAN,
  frontNetwork: istio('NetworkPolicy', 'front', {
    podSelector: app('front'),
    policyTypes: ['Egress'],
    egress: [{ to: [{ podSelector: app('cart') }], ports: [{ port: 8080 }] }],
  }),
  cartNetwork: istio('NetworkPolicy', 'cart', {
    podSelector: app('cart'),
    ingress: [{ from: [{ podSelector: app('front') }], ports: [{ port: 8080 }] }],
  }),
  nobody: sidecar('default', ['~/*']),
  frontSidecar: sidecar('front', ['./cart.shop.svc.cluster.local'], { workloadSelector: { labels: { app: 'front' } } }),
};
const SOURCE = 'services/front/service.ts:7';
/** Any method, which nobody declared. */
const WIDER: Parts = {
  ...SHOP,
  policy: cartPolicy([cartRule({}, { methods: ['*'] })], {}, { annotations: { 'meshwright.dev/source': SOURCE } }),
};

let folder = '';
const file = (name: string) => join(folder, name);
const yaml = (parts: Parts) => Object.values(parts).join('\n---\n');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshwright-verify-'));
  await writeFile(file('shop.yaml'), yaml(SHOP));
  await writeFile(file('wider.yaml'), yaml(WIDER));
  await writeFile(file('intent.json'), JSON.stringify(INTENT));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const verify = (name: string, ...more: readonly string[]) =>
  run(['verify', file(name), '--intent', file('intent.json'), ...more]);

describe('meshwright verify', () => {
  test('proves that what is allowed is what is declared', async () => {
    const { stdout } = await verify('shop.yaml');
    expect(stdout).toMatch(/^proved {6}what the proxies allow is exactly what is declared$/m);
    expect(stdout).not.toContain('intent was not checked');
  });

  test('without an intent proves what needs none, and says so', async () => {
    const { code, stdout } = await run(['verify', '-'], yaml(SHOP));
    expect(code).toBe(EXIT_CODES.holds);
    expect(stdout).toContain('intent was not checked: give --intent FILE');
  });

  test('refutes with a request, the rule, and the line of source code', async () => {
    const { code, stdout } = await verify('wider.yaml');
    expect(code).toBe(EXIT_CODES.refuted);
    expect(stdout).toMatch(/^refuted {5}what the proxies allow/m);
    expect(stdout).toMatch(
      /front -> cart \S+ \/shop\.Cart\/Get: expected deny, got allow \(a declared call but for: method\)/,
    );
    expect(stdout).toContain(`see ${SOURCE}`);
    expect(stdout).toContain('request: {"id":"1","source":{"principal":"spiffe://td/ns/shop/sa/front"}');
  });

  test('writes JSON that keeps to its schema, located in YAML and in source code', async () => {
    for (const name of ['shop.yaml', 'wider.yaml']) {
      const { stdout } = await verify(name, '--format', 'json');
      expect(await faultsBy('verification', JSON.parse(stdout))).toEqual([]);
    }
    const { stdout } = await verify('wider.yaml', '--format', 'json');
    const [found] = JSON.parse(stdout).obligations[0].counterexamples;
    expect(found).toMatchObject({
      object: 'AuthorizationPolicy shop/cart',
      at: { file: file('wider.yaml') },
      sources: [{ file: 'services/front/service.ts', line: 7 }],
    });
    expect(await faultsBy('verification', { version: 2 })).not.toEqual([]);
  });

  test('writes SARIF with the line of the rule, and the source code as a related place', async () => {
    const { stdout } = await verify('wider.yaml', '--format', 'sarif');
    const log = JSON.parse(stdout);
    expect(log).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'meshwright' } } }] });
    const [result] = log.runs[0].results;
    const { uri } = result.locations[0].physicalLocation.artifactLocation;
    const { startLine } = result.locations[0].physicalLocation.region;
    expect(decodeURIComponent(uri)).toBe(file('wider.yaml'));
    const line = yaml(WIDER).split('\n')[startLine - 1];
    expect(line).toContain('"kind":"AuthorizationPolicy","metadata":{"name":"cart"');
    expect(result.ruleId).toBe(log.runs[0].tool.driver.rules[result.ruleIndex].id);
    expect(result.relatedLocations).toMatchObject([
      { physicalLocation: { artifactLocation: { uri: 'services/front/service.ts' }, region: { startLine: 7 } } },
    ]);
    expect(JSON.parse((await verify('shop.yaml', '--format', 'sarif')).stdout).runs[0].results).toEqual([]);
  });

  test('writes JUnit with a case for each statement', async () => {
    const { stdout } = await verify('wider.yaml', '--format', 'junit');
    expect(stdout).toMatch(/<testsuites name="meshwright verify" tests="\d+" failures="1" skipped="0">/);
    expect(stdout).toContain('<testcase classname="verify" name="plaintext ends at the handshake"/>');
    expect(stdout).toMatch(
      /name="what the proxies allow is exactly what is declared"><failure type="refuted" message="front -&gt; cart/,
    );
  });

  test('writes Markdown with the statements and the nearest calls', async () => {
    const { stdout } = await verify('wider.yaml', '--format', 'markdown');
    expect(stdout).toMatch(/^### Meshwright verify: 1 refuted\n/);
    expect(stdout).toMatch(/\| what the proxies allow is exactly what is declared \| refuted: \d+ requests \|/);
    expect(stdout).toContain(`\`${SOURCE}\``);
  });

  test('says in JSON, SARIF and JUnit which NetworkPolicy keeps a request from the proxy that lets it in', async () => {
    const shut = istio('NetworkPolicy', 'cart', { podSelector: app('cart'), policyTypes: ['Ingress'] });
    const parts = {
      ...SHOP,
      cartNetwork: shut,
      policy: cartPolicy([{ from: [{ source: { ipBlocks: ['203.0.113.0/24'] } }] }]),
    };
    const written = async (format: string) =>
      (await run(['verify', '-', '--intent', file('intent.json'), '--format', format], yaml(parts))).stdout;
    const json = JSON.parse(await written('json'));
    expect(await faultsBy('verification', json)).toEqual([]);
    const because = expect.stringContaining('isolated by `shop/all`, `shop/cart`');
    const keeper = { layer: 'network-policy', policy: 'shop/all', because };
    const found = json.obligations.flatMap(({ counterexamples }: { counterexamples: object[] }) => counterexamples);
    expect(found).toContainEqual(
      expect.objectContaining({ keptOutBy: keeper, change: expect.stringContaining('NetworkPolicy stops it') }),
    );
    expect(JSON.parse(await written('sarif')).runs[0].results).toContainEqual(
      expect.objectContaining({ properties: { keptOutBy: keeper } }),
    );
    expect(await written('junit')).toContain('kept from the proxy by network-policy `shop/all`');
    const open = JSON.parse((await verify('wider.yaml', '--format', 'json')).stdout);
    const kept = open.obligations.flatMap(({ counterexamples }: { counterexamples: { keptOutBy: object | null }[] }) =>
      counterexamples.map(({ keptOutBy }) => keptOutBy),
    );
    expect(kept.length).toBeGreaterThan(0);
    expect(new Set(kept)).toEqual(new Set([null]));
  });

  test('tells every problem of manifests, intent and options at once', async () => {
    await writeFile(
      file('bad.json'),
      '{"version": 2, "trustDomain": "td", "grants": 1, "platform": [], "pods": [{"labels": {"app": 1}}], "confined": "a"}',
    );
    const broken = yaml(SHOP).replace('/shop.Cart/Get', '');
    const { code, stdout, stderr } = await run(['verify', '-', '--intent', file('bad.json'), '--on', 'soon'], broken);
    expect({ code, stdout }).toEqual({ code: EXIT_CODES.inputInvalid, stdout: '' });
    for (const each of [
      '[webhook/',
      '[intent/version]',
      '[intent/type]',
      'pods[0].labels.app',
      'confined',
      '[input/date]',
    ])
      expect(stderr).toContain(each);
  });

  test('exits 3 where there is no intent of that name', async () => {
    const { code, stderr } = await run(['verify', '-', '--intent', 'nowhere.json'], yaml(SHOP));
    expect(code).toBe(EXIT_CODES.inputInvalid);
    expect(stderr).toContain('nowhere.json:1: no such file [input/not-found]');
  });
});
