/**
 * What the rendered YAML decides equals what is declared, for every identity and every declared place of every workload,
 * platform programs included; and neither the root's nor a namespace's default deny is load-bearing alone.
 */
import { describe, expect, test } from 'vitest';
import { environments } from '#infra/environments/index.ts';
import { type DeclaredGrant, type DeclaredIntent, isDeclared } from '#infra/local/meaning.ts';
import { compile, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { catalog } from '#services/catalog.ts';
import { documentsOf, synthesized } from '../../../support/synthesized.ts';

interface Cell {
  readonly source: { readonly namespace: string; readonly name: string; readonly account: string };
  readonly callee: { readonly namespace: string; readonly workload: string };
  readonly port: number;
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly scope: string | null;
}

const sources = [
  ...catalog.map(({ namespace, name, serviceAccount }) => ({ namespace, name, account: serviceAccount })),
  { namespace: 'trading', name: '', account: 'stranger' },
  { namespace: 'observability', name: '', account: 'prometheus' },
];

/** Where NetworkPolicy alone guards a port, a bare identity is nobody's business: such places are judged apart. */
const isNetworkOnly = ({ guardedBy }: DeclaredGrant): boolean => guardedBy === 'network-policy';

/** A gateway's proxy guards its Gateway's listeners only, for callers without identity: they are judged apart. */
const isJudged = (grant: DeclaredGrant): boolean => !isNetworkOnly(grant) && isOurs(grant) && !isGateway(grant);
const isGateway = ({ callee }: DeclaredGrant): boolean => callee.workload === 'ingress';
const isOurs = ({ callee }: DeclaredGrant): boolean =>
  callee.kind === 'workload' && catalog.some(({ name }) => name === callee.workload);

function cellsOf(intent: DeclaredIntent): readonly Cell[] {
  const places = new Map<string, Omit<Cell, 'source'>>();
  for (const grant of [...intent.grants, ...intent.platform].filter(isJudged)) {
    const { callee, port, http, user } = grant;
    const scope = user?.claims.find(({ claim }) => claim === 'scope')?.values[0] ?? null;
    const concrete = http === null ? null : { ...http, path: http.path.replaceAll(/\{\w+\}/g, 'x') };
    const place = {
      callee: { namespace: callee.namespace ?? '', workload: callee.workload ?? '' },
      port,
      http: concrete,
    };
    for (const held of new Set([scope, null, 'another.scope'])) {
      places.set(JSON.stringify([place, held]), { ...place, scope: held });
      if (concrete !== null) {
        const elsewhere = { ...place, http: { ...concrete, path: `${concrete.path}/more` }, scope: held };
        places.set(JSON.stringify(elsewhere), elsewhere);
      }
    }
  }
  return sources.flatMap((source) => [...places.values()].map((place) => ({ source, ...place })));
}

describe.each(environments)('the verdicts of $name', async ({ name, trustDomain, users, ingress }) => {
  const files = await synthesized(name);
  const intent = JSON.parse(files.get('intent.json') ?? 'null') as DeclaredIntent;
  const cells = cellsOf(intent);
  const [audience = ''] = users.audiences;

  const spiffeId = ({ source }: Cell): string => `spiffe://${trustDomain}/ns/${source.namespace}/sa/${source.account}`;
  const declared = (cell: Cell): boolean =>
    isDeclared(intent, {
      spiffeId: spiffeId(cell),
      callee: cell.callee,
      port: cell.port,
      http: cell.http,
      token: cell.scope === null ? null : { issuer: users.issuer, audience, claims: { scope: cell.scope } },
    });

  function requestOf(cell: Cell, source: object): unknown {
    const { callee, port, http, scope } = cell;
    const jwt = scope === null ? null : { claims: { iss: users.issuer, sub: 'user', aud: audience, scope } };
    const host = `${callee.workload}.${callee.namespace}.svc.cluster.local:${port}`;
    return {
      id: JSON.stringify(cell),
      source,
      destination: { namespace: callee.namespace, workload: callee.workload, port },
      http: http === null ? null : { ...http, host, headers: {} },
      jwt,
    };
  }

  function deciderOf(changed: ReadonlyMap<string, string>): (json: unknown) => string {
    const mesh = parseMesh(documentsOf(changed));
    if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
    const decider = compile(mesh.value);
    return (json) => {
      const request = parseRequest(json);
      if (!request.ok) throw new Error(JSON.stringify(request.problems));
      return toAnswer(request.value, decider.decide(request.value)).verdict;
    };
  }

  /** The cells on which the YAML of `changed` decides other than declared, by bare identity and as workload. */
  function differences(changed: ReadonlyMap<string, string>): readonly string[] {
    const decide = deciderOf(changed);
    return cells.flatMap((cell) => {
      const { source } = cell;
      const bare = { principal: spiffeId(cell) };
      const asWorkload = { workload: { namespace: source.namespace, name: source.name } };
      const forms = source.name === '' ? [bare] : [bare, asWorkload];
      const expected = declared(cell) ? 'allow' : 'deny';
      return forms
        .filter((form) => decide(requestOf(cell, form)) !== expected)
        .map((form) => `${JSON.stringify(form)} ${JSON.stringify(cell)}: expected ${expected}`);
    });
  }

  const withoutDefaultDeny = (namespaces: RegExp): ReadonlyMap<string, string> =>
    new Map(
      [...files].map(([path, text]) => [
        path,
        namespaces.test(path)
          ? text
              .split('---\n')
              .filter((document) => !/kind: AuthorizationPolicy\n[\s\S]*\nspec: \{\}\n/.test(document))
              .join('---\n')
          : text,
      ]),
    );

  test('equal the intent, in every cell, some of them allowed', () => {
    expect(cells.filter(declared).length).toBeGreaterThan(40);
    expect(differences(files).slice(0, 5)).toEqual([]);
  });

  test('stay without the default deny of the root namespace', () => {
    expect(differences(withoutDefaultDeny(/manifests\/istio-system\//)).slice(0, 5)).toEqual([]);
  });

  test('stay without the default denies of all namespaces', () => {
    expect(differences(withoutDefaultDeny(/manifests\/(?!istio-system)/)).slice(0, 5)).toEqual([]);
  });

  test('change when the policy of one callee is gone, so that the comparison can fail', () => {
    const policies = files.get('manifests/data/30-policies.yaml') ?? '';
    const changed = new Map(files).set(
      'manifests/data/30-policies.yaml',
      policies.replaceAll('sa/order', 'sa/gateway'),
    );
    expect(differences(changed).join()).toContain('"workload":"postgres"');
  });

  test('leave the ports that no proxy guards to NetworkPolicy: no workload of the platform gets to them', () => {
    const decide = deciderOf(files);
    const places = [...intent.grants, ...intent.platform].filter((grant) => isNetworkOnly(grant) && isOurs(grant));
    expect(new Set(places.map(({ port }) => port))).toEqual(new Set([15_020]));
    const sent = catalog.flatMap(({ namespace, name }) =>
      places
        .filter(({ callee }) => callee.workload !== name)
        .map(({ callee, port }) =>
          decide({
            id: name,
            source: { workload: { namespace, name } },
            destination: { namespace: callee.namespace, workload: callee.workload, port },
            http: null,
            jwt: null,
          }),
        ),
    );
    expect(new Set(sent)).toEqual(new Set(['deny']));
  });

  const doors = [
    { title: 'as rendered', changed: files },
    {
      title: 'without the default deny of the root namespace',
      changed: withoutDefaultDeny(/manifests\/istio-system\//),
    },
    {
      title: 'without the default denies of all namespaces',
      changed: withoutDefaultDeny(/manifests\/(?!istio-system)/),
    },
  ];
  test.for(doors)('let the internet send the declared routes, and nothing else: $title', ({ changed }) => {
    const decide = deciderOf(changed);
    const send = (method: string, path: string, port = 8443): string =>
      decide({
        id: `${method} ${path}`,
        source: { principal: null, ip: '203.0.113.7' },
        destination: { namespace: 'istio-ingress', workload: 'ingress', port },
        http: { method, path, host: ingress.host, headers: {} },
        jwt: null,
        sni: ingress.host,
      });
    expect([send('POST', '/orders'), send('GET', '/orders/1'), send('GET', '/quotes/A/events')]).toEqual([
      'allow',
      'allow',
      'allow',
    ]);
    expect([send('GET', '/orders'), send('POST', '/orders/1'), send('GET', '/orders/1/2'), send('GET', '/')]).toEqual([
      'deny',
      'deny',
      'deny',
      'deny',
    ]);
    expect(send('GET', '/stats/prometheus', 15_020)).toBe('deny');
  });
});
