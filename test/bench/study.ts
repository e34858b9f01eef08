/**
 * The shapes W4 and W8: one policy with 10 or 1,000 values of one field, as many policies of one rule, the last matching
 * or none; and rules that read lists of claims and repeated headers. Source: the Istio performance study of 2020.
 */
import { compile, parseRequest, type Request } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { worldOf } from './decide-world.ts';
import { type BenchResult, type Body, paired } from './paired.ts';

const [FEW, MANY] = [10, 1000];
/** Decisions of one call: fewer where all values are tried one by one. */
const DECISIONS = 20_000;
const SLOW_DECISIONS = 400;
const NAIVE_DECISIONS = 200;

/** What rules of the shapes read of a request. */
interface Parts {
  readonly principal: string;
  readonly ip: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const FIELDS: Readonly<Record<string, (index: number) => Readonly<Record<string, string>>>> = {
  principals: (index) => ({ principals: `td/ns/a/sa/caller-${index}` }),
  ipBlocks: (index) => ({ ipBlocks: ipOf(index) }),
  requestPrincipals: (index) => ({ requestPrincipals: `https://idp/user-${index}` }),
  paths: (index) => ({ paths: `/path/${index}` }),
};

const ipOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** What makes a request match the value of that number in every field. */
const partsOf = (index: number): Parts => ({
  principal: `spiffe://td/ns/a/sa/caller-${index}`,
  ip: ipOf(index),
  path: `/path/${index}`,
  headers: {},
  claims: { iss: 'https://idp', sub: `user-${index}` },
});

/** The rows of both shapes. */
export async function benchStudy(): Promise<readonly BenchResult[]> {
  const rows: BenchResult[] = [];
  for (const field of Object.keys(FIELDS))
    for (const match of ['the last', 'none'] as const)
      rows.push(await grown(`W4, one policy, ${field}, ${match} matches`, (count) => onePolicy(field, count), match));
  for (const match of ['the last', 'none'] as const)
    rows.push(await grown(`W4, policies of one rule, ${match} matches`, manyPolicies, match));
  return [...rows, await claimsAndHeaders()];
}

function grown(
  name: string,
  objects: (count: number) => readonly object[],
  match: 'the last' | 'none',
): Promise<BenchResult> {
  const many = /ipBlocks/.test(name) ? SLOW_DECISIONS : DECISIONS;
  const body = (count: number, times: number) =>
    decide(objects(count), partsOf(match === 'none' ? MANY + 1 : count - 1), {
      isAllowed: match === 'the last',
      times,
    });
  return paired(`decide, ${name}: ${MANY} values over ${FEW}`, body(FEW, DECISIONS), body(MANY, many), {
    limitSeconds: 5,
    operations: { a: DECISIONS, b: many },
  });
}

function decide(
  objects: readonly object[],
  parts: Parts,
  { isAllowed, times }: { readonly isAllowed: boolean; readonly times: number },
): Body {
  const world = worldOf(objects);
  const decider = compile(world.mesh, world.profile);
  const request = requestOf(parts);
  return () => {
    for (let time = 0; time < times; time += 1)
      if (decider.decide(request).allowed !== isAllowed) throw new Error(`expected ${isAllowed ? 'allow' : 'deny'}`);
  };
}

const metadata = { namespace: 'a', name: 'callee' };
const security = 'security.istio.io/v1';

/** Mesh, workload and keys: what every shape has. */
function ground(): readonly object[] {
  const selector = { matchLabels: { app: 'callee' } };
  const template = { metadata: { labels: { app: 'callee' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } };
  const ports = [{ port: 8080, appProtocol: 'http' }];
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'istio-system', name: 'istio' },
      data: { mesh: 'trustDomain: td' },
    },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector, template } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'callee' }, ports } },
    { apiVersion: security, kind: 'RequestAuthentication', metadata, spec: { jwtRules: [{ issuer: 'https://idp' }] } },
  ];
}

const policy = (name: string, rules: readonly object[]) => ({
  apiVersion: security,
  kind: 'AuthorizationPolicy',
  metadata: { namespace: 'a', name },
  spec: { rules },
});

function onePolicy(field: string, count: number): readonly object[] {
  const values = Array.from({ length: count }, (_, index) => FIELDS[field]?.(index)[field] ?? '');
  const part = { [field]: values };
  return [
    ...ground(),
    policy('one', [field === 'paths' ? { to: [{ operation: part }] } : { from: [{ source: part }] }]),
  ];
}

function manyPolicies(count: number): readonly object[] {
  const rule = (index: number) => ({
    from: [{ source: { principals: [`td/ns/a/sa/caller-${index}`] } }],
    to: [{ operation: { paths: [`/path/${index}`] } }],
  });
  return [...ground(), ...Array.from({ length: count }, (_, index) => policy(`p${index}`, [rule(index)]))];
}

function requestOf({ principal, ip, path, headers, claims }: Parts): Request {
  const request = parseRequest({
    id: '1',
    source: { principal, ip },
    destination: { namespace: 'a', workload: 'callee', port: 8080 },
    http: { method: 'GET', path, host: 'callee', headers },
    jwt: { claims },
  });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  return request.value;
}

/** W8: rules that ask for one of a list of groups and one of a header's several values, against trying them naively. */
function claimsAndHeaders(): Promise<BenchResult> {
  const rule = (index: number) => ({
    when: [
      { key: 'request.auth.claims[groups]', values: [`group-${index}`] },
      { key: 'request.headers[x-tenant]', values: [`tenant-${index}*`] },
    ],
  });
  const world = worldOf([
    ...ground(),
    policy(
      'w8',
      Array.from({ length: 50 }, (_, index) => rule(index)),
    ),
  ]);
  const claims = { iss: 'https://idp', sub: 'u', groups: ['staff', 'group-48', 'group-49'] };
  const request = requestOf({ ...partsOf(0), headers: { 'x-tenant': ['other', 'tenant-49-eu'] }, claims });
  const decider = compile(world.mesh, world.profile);
  const body = (times: number, isAllowed: () => boolean) => () => {
    for (let time = 0; time < times; time += 1) if (!isAllowed()) throw new Error('expected allow');
  };
  return paired(
    'decide, W8, 50 rules over lists of claims and repeated headers: naive evaluator over indexed',
    body(DECISIONS / 10, () => decider.decide(request).allowed),
    body(NAIVE_DECISIONS, () => decideNaively(world, request).allowed),
    { operations: { a: DECISIONS / 10, b: NAIVE_DECISIONS } },
  );
}
