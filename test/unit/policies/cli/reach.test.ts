import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { CLEAN, cartPolicy, cartRule, istio, type Parts } from '../analysis/lint/lint-mesh.ts';
import { faultsBy, run } from './command-line.ts';

/** `front` and anybody of another trust domain's billing call `cart`. */
const SHOP: Parts = {
  ...CLEAN,
  network: istio('NetworkPolicy', 'all', { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }),
  policy: cartPolicy([cartRule(), cartRule({ principals: ['other/ns/billing/sa/*'] }, { paths: ['/shop.Cart/*'] })]),
};
/** The other trust domain's certificates pass no handshake, save one that holds an identity of the own beside. */
const JOINTLY = 'a certificate with spiffe://td/ns/stranger/sa/stranger + spiffe://other/ns/billing/sa/';
const yaml = (parts: Parts) => Object.values(parts).join('\n---\n');
const reach = (...more: readonly string[]) => run(['reach', '-', ...more], yaml(SHOP));

describe('meshwright reach', () => {
  test('lists each exact call, and patterns where there is no end of them', async () => {
    const { code, stdout, stderr } = await reach();
    expect({ code, stderr }).toEqual({ code: EXIT_CODES.holds, stderr: '' });
    expect(stdout.split('\n\n')[0]).toBe(
      [
        'shop/front -> shop/cart:8080 POST /shop.Cart/Get',
        `${JOINTLY} -> shop/cart:8080 POST /shop.Cart/*`,
        `${JOINTLY} -> shop/cart:8080 POST /shop.Cart/Get`,
      ].join('\n'),
    );
  });

  test("lists the proxies' own ports apart, with the rules of the network that open them", async () => {
    const title = "\n\nthe proxies' own ports, before which no rule stands\n";
    const openTo = 'shop/cart:15008,15020,15021,15090 from';
    const { stdout } = await reach('--to', 'cart');
    expect(stdout).toContain(`${title}  ${openTo} whom NetworkPolicy shop/all, ingress rule 0 admits\n`);
    const closed = istio('NetworkPolicy', 'all', { podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }] });
    expect((await run(['reach', '-'], yaml({ ...SHOP, network: closed }))).stdout).not.toContain('own ports');
    const { network: _, ...open } = SHOP;
    const unguarded = await run(['reach', '-', '--from', 'front'], yaml(open));
    expect(unguarded.stdout).toContain(`${openTo} everybody: no NetworkPolicy isolates the pod`);
    expect(unguarded.stdout).not.toContain('shop/front:15008');
  });

  test('lists identities of accepted foreign trust domains as callers of their own', async () => {
    const aliases = yaml(SHOP).replace(
      'trustDomain\\":\\"td',
      'trustDomainAliases\\":[\\"other\\"],\\"trustDomain\\":\\"td',
    );
    const { stdout } = await run(['reach', '-'], aliases);
    expect(stdout).toContain('spiffe://other/ns/billing/sa/* -> shop/cart:8080 POST /shop.Cart/*');
  });

  test('writes JSON that keeps to its schema', async () => {
    const { stdout } = await reach('--format', 'json', '--from', 'front');
    const json: unknown = JSON.parse(stdout);
    expect(await faultsBy('reach', json)).toEqual([]);
    expect(json).toEqual({
      version: 1,
      grants: [
        {
          source: { kind: 'workload', principal: 'spiffe://td/ns/shop/sa/front', namespace: 'shop', workload: 'front' },
          destination: { namespace: 'shop', workload: 'cart', port: 8080 },
          http: { method: 'POST', path: '/shop.Cart/Get' },
          exact: true,
          conditions: [],
        },
      ],
      openPorts: [
        {
          destination: { namespace: 'shop', workload: 'cart' },
          ports: [15_008, 15_020, 15_021, 15_090],
          admittedBy: [{ policy: 'shop/all', rule: 0 }],
        },
      ],
      reached: [{ namespace: 'shop', workload: 'cart', way: ['shop/cart'] }],
      assumptions: [],
      unknown: [],
    });
    expect(await faultsBy('reach', { version: 1, grants: [{}] })).not.toEqual([]);
  });

  test('asks about any identity, whether or not a workload holds it', async () => {
    const open = yaml({ ...SHOP, policy: cartPolicy([cartRule({ principals: ['td/ns/shop/sa/*'] })]) });
    const { stdout } = await run(['reach', '-', '--from', 'spiffe://td/ns/shop/sa/nobody'], open);
    expect(stdout.split('\n')[0]).toBe('spiffe://td/ns/shop/sa/nobody -> shop/cart:8080 POST /shop.Cart/Get');
  });

  test('counts a compromised workload as going around its own sidecar, and not around the network', async () => {
    const guard = istio('Sidecar', 'default', {
      egress: [{ hosts: ['~/*'] }],
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
    });
    const guarded = await run(['reach', '-', '--from', 'front'], yaml({ ...SHOP, guard }));
    expect(guarded.stdout).toContain(
      '\nreached transitively, sidecars on the way being no obstacle: 1 workloads\n  shop/cart\n',
    );
    const isolated = await run(['reach', '-', '--from', 'front'], yaml({ ...SHOP, network: CLEAN['network'] ?? null }));
    expect(isolated.stdout).toContain('no obstacle: 0 workloads');
  });

  test('draws a Mermaid chart', async () => {
    expect((await reach('--format', 'mermaid')).stdout).toBe(
      [
        'flowchart LR',
        '  n0["shop/front"]',
        '  n1["shop/cart"]',
        `  n2["${JOINTLY}"]`,
        '  n0 -->|":8080 POST /shop.Cart/Get"| n1',
        '  n2 -->|":8080 POST /shop.Cart/*, :8080 POST /shop.Cart/Get"| n1\n',
      ].join('\n'),
    );
  });

  test('writes a first intent that proves its own mesh, and tells what it cannot say', async () => {
    const { stdout } = await reach('--as-intent');
    const intent = JSON.parse(stdout);
    expect(intent).toMatchObject({ version: 1, grants: [{ caller: { serviceAccount: 'front' }, protocol: 'grpc' }] });
    const open = yaml({ ...SHOP, policy: cartPolicy([cartRule({ principals: ['td/ns/shop/sa/*'] })]) });
    const { stderr } = await run(['reach', '-', '--as-intent'], open);
    expect(stderr).toContain('left to the reviewer: spiffe://td/ns/shop/sa/* -> shop/cart:8080');
  });

  test.for([
    { argv: ['--from', 'nobody'], shown: '--from:1: no workload is called `nobody` [input/unknown-workload]' },
    { argv: ['--to', 'shop/nothing'], shown: '--to:1: no workload is called `shop/nothing`' },
    { argv: ['--format', 'pdf'], shown: 'text, json, mermaid' },
  ])('exits 3 and says why for $argv', async ({ argv, shown }) => {
    const { code, stdout, stderr } = await reach(...argv);
    expect({ code, stdout }).toEqual({ code: EXIT_CODES.inputInvalid, stdout: '' });
    expect(stderr).toContain(shown);
  });
});
