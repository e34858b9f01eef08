import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { environments } from '#infra/environments/index.ts';
import { type SynthesisInput, type SynthesisProblem, synthesize } from '#infra/synthesize.ts';
import { admissions } from '#policies/intent/index.ts';
import { catalog } from '#services/catalog.ts';
import { callExternal, type ServiceDeclaration } from '#services/runtime/declaration.ts';
import { synthesized } from '../../support/synthesized.ts';

const jwks = readFileSync(new URL('../../../infra/environments/production.jwks.json', import.meta.url), 'utf8');
const [kind] = environments;
if (kind === undefined) throw new Error('no environment');

const withService = (name: string, change: (service: ServiceDeclaration) => ServiceDeclaration) =>
  catalog.map((service) => (service.name === name ? change(service) : service));

function problemsOf(input: Partial<SynthesisInput>): readonly SynthesisProblem[] {
  const result = synthesize({
    environment: kind as SynthesisInput['environment'],
    catalog,
    admissions,
    jwks,
    ...input,
  });
  return result.ok ? [] : result.problems;
}

const timeZone = process.env['TZ'];
afterEach(() => {
  if (timeZone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = timeZone;
});

describe.each(environments.map(({ name }) => name))('synthesis of %s', (name) => {
  test('gives the same bytes whatever the order of catalog and admissions', async () => {
    const expected = await synthesized(name);
    const shuffled = fc.record({
      catalog: fc.shuffledSubarray([...catalog], { minLength: catalog.length }),
      admissions: fc.shuffledSubarray([...admissions], { minLength: admissions.length }),
    });
    await fc.assert(
      fc.asyncProperty(shuffled, async (input) => {
        expect(await synthesized(name, input)).toEqual(expected);
      }),
      { numRuns: 5 },
    );
  });

  test('gives the same bytes in another time zone', async () => {
    const expected = await synthesized(name);
    process.env['TZ'] = 'Pacific/Kiritimati';
    expect(await synthesized(name)).toEqual(expected);
  });

  test('writes an intent that its schema accepts', async () => {
    const schema = readFileSync(new URL('../../../policies/intent/intent.schema.json', import.meta.url), 'utf8');
    const validate = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(
      JSON.parse(schema),
    );
    validate(JSON.parse((await synthesized(name)).get('intent.json') ?? ''));
    expect(validate.errors).toBeNull();
  });

  test('takes less than five seconds', async () => {
    const startedAt = performance.now();
    await synthesized(name);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe('the schema of intent.json', () => {
  const validate = new Ajv({ strictTypes: false, strictRequired: false }).compile(
    JSON.parse(readFileSync(new URL('../../../policies/intent/intent.schema.json', import.meta.url), 'utf8')),
  );
  const grant = {
    caller: { kind: 'workload', namespace: 'trading', serviceAccount: 'order' },
    callee: { kind: 'workload', namespace: 'trading', workload: 'execution' },
    protocol: 'grpc',
    port: 50053,
    http: { method: 'POST', path: '/trading.execution.v1.ExecutionService/SubmitTrade' },
    user: null,
    reason: 'orders go to the market',
    owner: 'team-orders',
  };
  const accepts = (change: object): boolean =>
    validate({ version: 1, trustDomain: 'trading.local', grants: [{ ...grant, ...change }], platform: [] });

  test('accepts a grant', () => {
    expect(accepts({})).toBe(true);
  });

  test('accepts members that it does not know, which may be added', () => {
    expect(accepts({ added: 'later' })).toBe(true);
  });

  const refused: readonly { readonly title: string; readonly change: object; readonly because: string }[] = [
    { title: 'a wildcard path', change: { http: { method: 'POST', path: '/a/*' } }, because: 'grants are exact' },
    { title: 'gRPC by GET', change: { http: { ...grant.http, method: 'GET' } }, because: 'gRPC is always POST' },
    { title: 'gRPC without a method', change: { http: null }, because: 'a gRPC grant names one method' },
    { title: 'TCP with a path', change: { protocol: 'tcp' }, because: 'raw bytes have no path' },
    {
      title: 'TCP with a user',
      change: { protocol: 'tcp', http: null, user: { issuer: 'i', audiences: ['a'], claims: [] } },
      because: 'raw bytes carry no token',
    },
    { title: 'port 0', change: { port: 0 }, because: 'no port has the number 0' },
    {
      title: 'an absolute source',
      change: { source: '/home/me/service.ts:1' },
      because: 'sources are relative to the repository',
    },
    {
      title: 'an unknown caller kind',
      change: { caller: { kind: 'anybody' } },
      because: 'callers are workloads, the internet or the node',
    },
    {
      title: 'a claim without values',
      change: { user: { issuer: 'i', audiences: ['a'], claims: [{ claim: 'scope', values: [] }] } },
      because: 'no value could ever hold it',
    },
  ];
  test.for(refused)('refuses $title: $because', ({ change }) => {
    expect(accepts(change)).toBe(false);
  });
});

describe('synthesis of broken declarations', () => {
  const shapes: readonly {
    readonly title: string;
    readonly catalog: readonly ServiceDeclaration[];
    readonly code: string;
    readonly construct: string;
    readonly file: RegExp;
  }[] = [
    {
      title: 'a privileged port',
      catalog: withService('gateway', (each) => ({ ...each, contracts: [{ kind: 'http', port: 80, routes: [] }] })),
      code: 'construct/shape',
      construct: 'edge/gateway',
      file: /^services\/gateway\/service\.ts$/,
    },
    {
      title: "one of the proxy's ports",
      catalog: withService('market-data', (each) => ({
        ...each,
        contracts: each.contracts.map((contract) => ({ ...contract, port: 15021 })),
      })),
      code: 'construct/shape',
      construct: 'trading/market-data',
      file: /^services\/market-data\/service\.ts$/,
    },
    {
      title: 'a schema that is no SQL name',
      catalog: withService('order', (each) => ({ ...each, database: { schema: 'order; DROP' } })),
      code: 'construct/shape',
      construct: 'trading/order',
      file: /^services\/order\/service\.ts$/,
    },
    {
      title: 'a platform workload without a program',
      catalog: [
        ...catalog,
        ...withService('jaeger', (each) => ({
          ...each,
          name: 'kafka',
          serviceAccount: 'kafka',
          contracts: [{ kind: 'tcp', port: 9092 }],
        })).filter(({ name }) => name === 'kafka'),
      ],
      code: 'workload/no-program',
      construct: 'observability/kafka',
      file: /^services\/kafka\/service\.ts$/,
    },
    {
      title: 'a call that nobody admits',
      catalog: withService('risk', (each) => ({
        ...each,
        calls: [
          ...each.calls,
          ...(catalog
            .find(({ name }) => name === 'order')
            ?.calls.filter(({ target }) => target.kind === 'method' && target.method.name === 'SubmitTrade') ?? []),
        ],
      })),
      code: 'call/not-admitted',
      construct: 'trading/order',
      file: /^services\/order\/service\.ts:\d+$/,
    },
  ];

  test.for(shapes)('names $title with its file and construct', ({ catalog: broken, code, construct, file }) => {
    const found = problemsOf({ catalog: broken }).find(
      (problem) => problem.code === code && problem.construct === construct,
    );
    expect(found?.files[0]).toMatch(file);
  });

  test('names all problems at once, those of grants and those of shapes', () => {
    const broken = withService('gateway', (each) => ({
      ...each,
      contracts: [{ kind: 'http', port: 80, routes: [] }],
    }));
    const codes = new Set(problemsOf({ catalog: broken }).map(({ code }) => code));
    expect([...codes]).toEqual(expect.arrayContaining(['construct/shape', 'call/unknown-target']));
  });

  const keyFiles: readonly { readonly title: string; readonly text: string; readonly code: string }[] = [
    { title: 'no JSON', text: 'keys', code: 'jwks/syntax' },
    { title: 'JSON of another shape', text: '{"keys": "none"}', code: 'jwks/syntax' },
    { title: 'no key', text: '{"keys": []}', code: 'jwks/empty' },
    { title: 'a private key', text: jwks.replace('"use"', '"d": "AAAA", "use"'), code: 'jwks/private-key' },
    { title: 'a symmetric key', text: '{"keys":[{"kty":"oct","k":"AAAA"}]}', code: 'jwks/private-key' },
    { title: 'a point off the curve', text: jwks.replace('"x": "P', '"x": "Q'), code: 'jwks/unusable-key' },
  ];
  test.for(keyFiles)('refuses a key set with $title', ({ text, code }) => {
    expect(problemsOf({ jwks: text }).map((problem) => problem.code)).toContain(code);
  });
});

describe('a call to a host outside the mesh', () => {
  const outside = withService('portfolio', (each) => ({
    ...each,
    calls: [
      ...each.calls,
      callExternal('rates.example.com', 443, { timeoutMs: 1000, owner: 'team-ledger', reason: 'exchange rates' }),
    ],
  }));

  test('opens that host for its caller alone, on that port, outside the private ranges', async () => {
    const files = await synthesized('kind', { catalog: outside });
    const traffic = files.get('manifests/trading/40-traffic.yaml') ?? '';
    expect(traffic).toContain('name: portfolio-rates-example-com');
    expect(traffic.match(/rates\.example\.com(?!:443$)/gm)).toHaveLength(2);
    const network = (files.get('manifests/trading/30-policies.yaml') ?? '').split('---\n');
    const opened = network.filter((text) => text.includes('port: 443'));
    expect(opened).toHaveLength(1);
    expect(opened[0]).toMatch(/name: portfolio\n/);
    expect(opened[0]).toContain('- 10.0.0.0/8');
  });
});
