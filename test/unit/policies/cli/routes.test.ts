import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '#policies/cli/exit-code.ts';
import { faultsBy, run } from './command-line.ts';

/** The mesh of the conformance case, without the rewrite that no formula says. */
const MESH = new URL('../../../conformance/cases/gateway-first-match/policies.yaml', import.meta.url);
const IN_ANY_CASE = /\n {4}- match: \[\{uri: \{prefix: \/Case\}, ignoreUriCase: true\}\](\n {6}[^\n]*)+/;
let yaml = '';
let folder = '';

const grant = (method: string, path: string, more: object = {}) => ({
  caller: { kind: 'internet' },
  callee: { kind: 'workload', namespace: 'edge', workload: 'ingress' },
  protocol: 'http',
  port: 8443,
  http: { method, path },
  user: null,
  owner: 'edge',
  reason: 'clients',
  ...more,
});
const verify = async (text: string, grants: readonly object[]) => {
  const intent = join(folder, 'intent.json');
  await writeFile(intent, JSON.stringify({ version: 1, trustDomain: 'cluster.local', grants, platform: [] }));
  return run(['verify', '-', '--intent', intent, '--format', 'json'], text);
};
const cellsOf = (stdout: string): readonly string[] => {
  const { obligations } = JSON.parse(stdout) as {
    readonly obligations: readonly {
      readonly name: string;
      readonly counterexamples: readonly { readonly cell: string }[];
    }[];
  };
  const found = obligations.find(({ name }) => name === 'allowed-equals-declared');
  return (found?.counterexamples ?? []).map(({ cell }) => cell);
};

beforeAll(async () => {
  yaml = (await readFile(MESH, 'utf8')).replace(IN_ANY_CASE, '');
  folder = await mkdtemp(join(tmpdir(), 'meshwright-routes-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('reach --via-internet', () => {
  test('follows calls through the gateway, with rewrites, to what the destination lets in', async () => {
    const { code, stdout } = await run(['reach', '-', '--via-internet'], yaml);
    expect(code).toBe(EXIT_CODES.holds);
    const ways = stdout.split('\n').filter((line) => line.includes(' by shop/shop route '));
    expect(ways.map((way) => way.trim().split(' if host ')[0])).toEqual([
      'GET /v1/* -> edge/ingress:8443 -> shop/shop:9080 by shop/shop route 3',
      '* /api/* -> edge/ingress:8443 -> shop/shop:9080 by shop/shop route 5',
      'GET /v1/* -> edge/ingress:8443 -> shop/shop:9080 by shop/shop route 3',
      '* /api/* -> edge/ingress:8443 -> shop/shop:9080 by shop/shop route 5',
    ]);
    expect(ways[0]).toContain('host shop.example');
  });

  test('says which ways are not decided', async () => {
    const whole = await readFile(MESH, 'utf8');
    const { code, stderr } = await run(['reach', '-', '--via-internet'], whole);
    expect(code).toBe(EXIT_CODES.toolFailed);
    expect(stderr).toContain('a prefix in any letter case is rewritten');
  });

  test('writes JSON that keeps to its schema', async () => {
    const { stdout } = await run(['reach', '-', '--via-internet', '--format', 'json'], yaml);
    const json = JSON.parse(stdout) as { readonly outside: readonly object[] };
    expect(await faultsBy('reach', json)).toEqual([]);
    expect(json.outside).toHaveLength(4);
    expect(json.outside[0]).toMatchObject({
      gateway: { namespace: 'edge', workload: 'ingress', port: 8443 },
      http: { method: 'GET', path: '/v1/*' },
      via: { virtualService: 'shop/shop', route: 3 },
      destination: { kind: 'workload', namespace: 'shop', workload: 'shop', port: 9080 },
    });
  });
});

describe('verify', () => {
  test('refutes a declared call that no route carries, and no other', async () => {
    const { stdout } = await verify(yaml, [grant('GET', '/v1/{name}'), grant('GET', '/nowhere'), grant('GET', '/old')]);
    const cells = cellsOf(stdout).filter((cell) => cell.endsWith(' GET /nowhere') || cell.endsWith(' GET /old'));
    expect(cells).toEqual(['plaintext -> ingress GET /nowhere', 'plaintext -> ingress GET /old']);
    expect(cellsOf(stdout).some((cell) => /GET \/v1\/[^/]+$/.test(cell))).toBe(false);
    expect(await faultsBy('verification', JSON.parse(stdout))).toEqual([]);
  });

  test('counts of what nobody declared only what a route carries', async () => {
    const cells = cellsOf((await verify(yaml, [])).stdout);
    expect(cells.length).toBeGreaterThan(0);
    for (const cell of cells.filter((each) => each.includes('-> ingress')))
      expect(cell).toMatch(/ (GET \/v1\/|\S+ \/api\/)/);
  });
});

describe('the policies of a gateway', () => {
  const policy = (paths: readonly string[]) =>
    `\n---\n${JSON.stringify({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'ingress', namespace: 'edge' },
      spec: {
        selector: { matchLabels: { app: 'ingress' } },
        rules: [{ to: [{ operation: { methods: ['GET'], paths, ports: ['8443'] } }] }],
      },
    })}\n`;
  const walls = async (text: string) => {
    const { stdout } = await verify(text, [grant('GET', '/v1/{name}')]);
    const { obligations } = JSON.parse(stdout) as {
      readonly obligations: readonly {
        readonly name: string;
        readonly status: string;
        readonly counterexamples: readonly {
          readonly request: object;
          readonly decided: { readonly layer: string };
          readonly expected: string;
        }[];
      }[];
    };
    return obligations.find(({ name }) => name === 'gateway-policies-equal-declared');
  };

  test('are a wall of their own: what they let in beyond the declared counts though no route carries it', async () => {
    expect((await walls(yaml + policy(['/v1/{*}'])))?.status).toBe('proved');
    const wider = await walls(yaml + policy(['/v1/{*}', '/nowhere']));
    expect(wider).toMatchObject({
      status: 'refuted',
      counterexamples: [
        {
          request: { http: { path: '/nowhere' } },
          expected: 'deny by authorization-policy',
          decided: { layer: 'routing' },
        },
      ],
    });
  });

  test('are not asked for where routes alone guard the gateway', async () => {
    expect(await walls(yaml)).toBeUndefined();
  });
});

describe('diff', () => {
  test('shows a changed route as grants and as calls from outside, which a budget counts', async () => {
    const [before, after] = [join(folder, 'before.yaml'), join(folder, 'after.yaml')];
    await writeFile(before, yaml);
    await writeFile(after, yaml.replace('{prefix: /v1/}, method: {exact: GET}', '{prefix: /v1/}'));
    const { stdout } = await run(['diff', before, after]);
    expect(stdout).toMatch(/^\+ plaintext -> edge\/ingress:8443 \* \/v1\/\*/m);
    expect(stdout).toMatch(/^\+ from outside: \* \/v1\/\* -> edge\/ingress:8443 -> shop\/shop:9080/m);
    const json: unknown = JSON.parse((await run(['diff', before, after, '--format', 'json'])).stdout);
    expect(await faultsBy('difference', json)).toEqual([]);
    expect((await run(['diff', before, after, '--format', 'markdown'])).stdout).toContain(
      'Calls from outside, through gateways',
    );
    const none = join(folder, 'budget.json');
    await writeFile(none, JSON.stringify({ version: 1 }));
    const judged = await run(['diff', before, after, '--budget', none]);
    expect(judged).toMatchObject({
      code: EXIT_CODES.refuted,
      stdout: expect.stringContaining('new ways from the internet'),
    });
  });

  test('shows callers of the mesh too what a Service of a third namespace no longer has', async () => {
    const [before, after] = [join(folder, 'before.yaml'), join(folder, 'after.yaml')];
    const third = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: third}
spec:
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front, sidecar.istio.io/inject: "true"}}
    spec: {serviceAccountName: front, containers: [{name: c, image: c}]}
`;
    const port = 'ports: [{name: http, port: 80, targetPort: 9080}]';
    await writeFile(before, yaml + third);
    await writeFile(
      after,
      yaml.replace(port, port.replace('port: 80', 'port: 81').replace('}]', '}, {name: more, port: 82}]')) + third,
    );
    const { code, stdout } = await run(['diff', before, after]);
    expect(code).toBe(EXIT_CODES.holds);
    expect(stdout).toMatch(/^- third\/front -> edge\/ingress:8443 GET \/v1\/\*/m);
  });

  test('shows a destination that changes behind the same call', async () => {
    const [before, after] = [join(folder, 'before.yaml'), join(folder, 'after.yaml')];
    await writeFile(before, yaml);
    await writeFile(after, yaml.replace('rewrite: {uri: /api/}', 'rewrite: {uri: /secret/}'));
    const { stdout } = await run(['diff', before, after]);
    expect(stdout).toMatch(/^- from outside: GET \/v1\/\* -> edge\/ingress:8443 -> shop\/shop:9080/m);
    expect(stdout).not.toMatch(/^[+-] plaintext/m);
  });

  describe('shows a way from outside that both versions have', () => {
    const V1 = '{prefix: /v1/}, method: {exact: GET}';
    const asking = (tier: string) =>
      tier === '' ? yaml : yaml.replace(V1, `${V1}, headers: {x-tier: {exact: ${tier}}}`);
    const compared = async (from: string, to: string, ...more: readonly string[]) => {
      const [before, after] = [join(folder, 'was.yaml'), join(folder, 'is.yaml')];
      await writeFile(before, from);
      await writeFile(after, to);
      return run(['diff', before, after, ...more]);
    };
    const budget = async () => {
      const file = join(folder, 'strict.json');
      const most = { added: null, removed: null, changed: null, weakened: null, internetPaths: 0 };
      await writeFile(file, JSON.stringify({ version: 1, most }));
      return file;
    };

    test.for([
      { from: 'gold', to: '', effect: 'widened', code: EXIT_CODES.refuted },
      { from: '', to: 'gold', effect: 'narrowed', code: EXIT_CODES.holds },
      { from: 'gold', to: 'blue', effect: 'widened and narrowed', code: EXIT_CODES.refuted },
    ])('as $effect, and a budget counts what opens', async ({ from, to, effect, code }) => {
      const [was, is] = [asking(from), asking(to)];
      const { stdout } = await compared(was, is);
      expect(stdout).toMatch(
        new RegExp(`^~ from outside, ${effect}: GET /v1/\\* -> edge/ingress:8443 -> shop/shop:9080`, 'm'),
      );
      expect(stdout).not.toMatch(/^[+-] from outside/m);
      expect(/^ {4}opened where .*x-tier/m.test(stdout)).toBe(effect !== 'narrowed');
      expect(/^ {4}closed where .*x-tier/m.test(stdout)).toBe(effect !== 'widened');
      const json = JSON.parse((await compared(was, is, '--format', 'json')).stdout);
      expect(await faultsBy('difference', json)).toEqual([]);
      expect(json.outside).toContainEqual(expect.objectContaining({ change: 'changed' }));
      expect((await compared(was, is, '--format', 'markdown')).stdout).toContain(`${effect}: `);
      const judged = await compared(was, is, '--budget', await budget());
      expect(judged.code).toBe(code);
      const junit = (await compared(was, is, '--budget', await budget(), '--format', 'junit')).stdout;
      expect(junit.includes(`(${effect}: opened where`)).toBe(code === EXIT_CODES.refuted);
    });

    test('where the same words stand for more calls than before', async () => {
      // all methods but GET, then all methods: both are listed as `*`
      const only = (operation: object) =>
        `\n---\n${JSON.stringify({
          apiVersion: 'security.istio.io/v1',
          kind: 'AuthorizationPolicy',
          metadata: { name: 'ingress', namespace: 'edge' },
          spec: { selector: { matchLabels: { app: 'ingress' } }, rules: [{ to: [{ operation }] }] },
        })}\n`;
      const { stdout } = await compared(
        yaml + only({ paths: ['/api/y'], notMethods: ['GET'] }),
        yaml + only({ paths: ['/api/y'] }),
      );
      expect(stdout).toMatch(/^\+ from outside: GET \/api\/y -> edge\/ingress:8443/m);
      expect(stdout).not.toMatch(/^- from outside/m);
    });

    test('beside ways that are not decided', async () => {
      const whole = await readFile(MESH, 'utf8');
      const { stdout } = await compared(whole.replace(V1, `${V1}, headers: {x-tier: {exact: gold}}`), whole);
      expect(stdout).toMatch(/^~ from outside, widened: GET \/v1\/\*/m);
      expect(stdout).toMatch(/^not decided: ways through `edge\/ingress` port 8443: a prefix in any letter case/m);
    });

    test('as nothing where another route carries it', async () => {
      const moved = yaml.replace(
        '- match: [{uri: {exact: /old}}]\n      redirect: {uri: /new, redirectCode: 302}\n    ',
        '',
      );
      expect(moved).not.toBe(yaml);
      expect((await compared(yaml, moved)).stdout).not.toContain('from outside');
    });
  });
});

describe('explain and decide', () => {
  const request = (path: string, method = 'POST') => ({
    id: 'r',
    destination: { namespace: 'edge', workload: 'ingress', port: 8443 },
    http: { method, path, host: 'shop.example' },
  });

  test('name the route that nearly took a call, and what of it failed', async () => {
    const { stdout } = await run(['explain', '-', '--request', JSON.stringify(request('/v1/x'))], yaml);
    expect(stdout).toContain('STOP  routing');
    expect(stdout).toContain(
      '`shop/shop route 3` (path prefix `/v1/`, method exact `GET`), fails since method is `POST`',
    );
    const json: unknown = JSON.parse(
      (await run(['explain', '-', '--format', 'json', '--request', JSON.stringify(request('/v1/x'))], yaml)).stdout,
    );
    expect(await faultsBy('explanation', json)).toEqual([]);
  });

  test('take a request that brings its pod along', async () => {
    const stranger = {
      id: 'r',
      destination: { namespace: 'shop', workload: 'undeclared', port: 80 },
      http: { method: 'GET', path: '/', host: 'x' },
      pods: [{ namespace: 'shop', name: 'undeclared', labels: {}, sidecar: 'asNamespaceSays' }],
    };
    const { code, stdout } = await run(
      ['explain', '-', '--format', 'json', '--request', JSON.stringify(stranger)],
      yaml,
    );
    expect(code).toBe(0);
    expect(await faultsBy('explanation', JSON.parse(stdout))).toEqual([]);
  });

  test('follow a call to what is decided behind the gateway', async () => {
    const [mesh, requests] = [join(folder, 'mesh.yaml'), join(folder, 'requests.jsonl')];
    await writeFile(mesh, yaml);
    await writeFile(requests, `${JSON.stringify(request('/v1/x', 'GET'))}\n`);
    const { stdout } = await run(['decide', mesh, '--requests', requests]);
    const answer: unknown = JSON.parse(stdout);
    expect(await faultsBy('answer', answer)).toEqual([]);
    expect(answer).toMatchObject({
      verdict: 'allow',
      forwards: [{ http: { path: '/api/x' }, answer: { verdict: 'allow', policy: 'shop/shop', rule: 0 } }],
    });
  });

  test('explain goes on behind the gateway as decide does: in the answer, in the text, and in what the caller sees', async () => {
    const asked = JSON.stringify(request('/v1/x', 'GET'));
    const answered = async (text: string) => {
      const { stdout } = await run(['explain', '-', '--format', 'json', '--request', asked], text);
      const json = JSON.parse(stdout) as { readonly answer: object };
      expect(await faultsBy('explanation', json)).toEqual([]);
      expect(await faultsBy('answer', json.answer)).toEqual([]);
      return json.answer;
    };
    const shown = async (text: string) => (await run(['explain', '-', '--request', asked], text)).stdout;
    expect(await answered(yaml)).toMatchObject({
      verdict: 'allow',
      forwards: [{ http: { path: '/api/x' }, answer: { verdict: 'allow', policy: 'shop/shop', rule: 0 } }],
    });
    const open = await shown(yaml);
    expect(open).toMatch(/^ALLOWED {2}plaintext caller/);
    expect(open).toContain('the caller sees: the answer of the application');
    expect(open).toMatch(/^ {2}ok {4}shop\/shop:9080 {2}GET \/api\/x \(host shop\.example\)$/m);
    const closed = yaml.replace('paths: [/api/*, /catalogue]', 'paths: [/catalogue]');
    expect(await answered(closed)).toMatchObject({
      verdict: 'allow',
      forwards: [{ answer: { verdict: 'deny', layer: 'authorization-policy' } }],
    });
    const shut = await shown(closed);
    expect(shut).toMatch(/^ALLOWED by the gateway, DENIED behind it {2}plaintext caller/);
    expect(shut).toContain('the caller sees: HTTP 403, gRPC 7 (passed on by the gateway)');
    expect(shut).toMatch(/^ {2}STOP {2}shop\/shop:9080/m);
  });

  test('a route to several destinations is open only where all of them are, and one unknown says so', async () => {
    const asked = JSON.stringify(request('/v1/x', 'GET'));
    const split = yaml.replace(
      'rewrite: {uri: /api/}\n      route: [{destination: {host: shop}}]',
      'rewrite: {uri: /api/}\n      route: [{destination: {host: shop}, weight: 50}, {destination: {host: far.example}, weight: 50}]',
    );
    expect(split).not.toBe(yaml);
    const { stdout } = await run(['explain', '-', '--request', asked], split);
    expect(stdout).toMatch(/^ALLOWED by the gateway, not everywhere behind it/);
    expect(stdout).toContain(
      'the caller sees: the answer of the application, or the answer of `far.example`, which the manifests do not hold',
    );
    expect(stdout).toContain('?     far.example:');
  });
});
