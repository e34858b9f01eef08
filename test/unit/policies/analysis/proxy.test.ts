import { describe, expect, test } from 'vitest';
import { compile, PROFILES, type Profile, parseRequest } from '#policies/analysis/index.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import {
  type CallParts,
  decideOn,
  meshConfigYaml,
  meshOf,
  networkingYaml,
  securityYaml,
  workloadYaml,
} from '../../../support/small-mesh.ts';

const X = workloadYaml('a', 'x');
const allow = (rule: object) => securityYaml('AuthorizationPolicy', 'a', { rules: [rule] });
const deny = (rule: object) => securityYaml('AuthorizationPolicy', 'a', { action: 'DENY', rules: [rule] });
const JOINED: Profile = { ...PROFILES['istio-1.31'], repeatedHeaders: 'joined' };
const KEPT: Profile = { ...PROFILES['istio-1.31'], dotSegmentParameters: 'kept' };

describe('repeated headers (semantics 7)', () => {
  const condition = (more: object) => ({ when: [{ key: 'request.headers[x]', ...more }] });
  const rows = [
    { name: 'values [a], a and b', rule: { values: ['a'] }, sent: ['a', 'b'], joined: 'deny', individual: 'allow' },
    {
      name: 'notValues [a], a and b',
      rule: { notValues: ['a'] },
      sent: ['a', 'b'],
      joined: 'allow',
      individual: 'deny',
    },
    { name: 'values [a*], b and a', rule: { values: ['a*'] }, sent: ['b', 'a'], joined: 'deny', individual: 'allow' },
    { name: 'values [*], empty', rule: { values: ['*'] }, sent: [''], joined: 'allow', individual: 'allow' },
    { name: 'notValues [*], absent', rule: { notValues: ['*'] }, sent: [], joined: 'allow', individual: 'allow' },
  ];
  test.for(rows)('$name', ({ rule, sent, joined, individual }) => {
    const mesh = meshOf(X, allow(condition(rule)));
    const call = { http: { headers: { x: sent } } };
    expect(decideOn(mesh, call, JOINED).verdict).toBe(joined);
    expect(decideOn(mesh, call).verdict).toBe(individual);
  });
});

describe('profiles (semantics 1)', () => {
  test('dot segments with parameters are resolved by new proxies only', () => {
    const mesh = meshOf(X, allow({ to: [{ operation: { paths: ['/b'] } }] }));
    expect(decideOn(mesh, { http: { path: '/a/..;x/b' } }).verdict).toBe('allow');
    expect(decideOn(mesh, { http: { path: '/a/..;x/b' } }, KEPT).verdict).toBe('deny');
    expect(decideOn(mesh, { http: { path: '/a/%2e%2e;x/b' } }).verdict).toBe('deny');
  });

  test('before 1.30 `trustDomains` is pruned, and the key `source.trustDomain` unknown', () => {
    const field = meshOf(X, meshConfigYaml({}), allow({ from: [{ source: { trustDomains: ['other'] } }] }));
    const key = meshOf(X, meshConfigYaml({}), deny({ when: [{ key: 'source.trustDomain', values: ['td'] }] }));
    const call = { source: { principal: 'spiffe://td/ns/b/sa/z' } };
    expect([decideOn(field, call).verdict, decideOn(field, call, PROFILES['istio-1.29']).verdict]).toEqual([
      'deny',
      'allow',
    ]);
    expect([decideOn(key, call).verdict, decideOn(key, call, PROFILES['istio-1.29']).verdict]).toEqual([
      'deny',
      'allow',
    ]);
  });
});

describe('CUSTOM (semantics 3.12)', () => {
  const providers = {
    extensionProviders: [
      { name: 'grpc', envoyExtAuthzGrpc: { service: 'e', port: 1 } },
      { name: 'http', envoyExtAuthzHttp: { service: 'e', port: 1 } },
    ],
  };
  const custom = (provider: string, name = 'c') =>
    securityYaml(
      'AuthorizationPolicy',
      'a',
      { action: 'CUSTOM', provider: { name: provider }, rules: [{ to: [{ operation: { ports: ['80', '70'] } }] }] },
      name,
    );
  const tcp = { destination: { port: 70 }, http: null };
  const mesh = (...policies: readonly string[]) => meshOf(X, meshConfigYaml(providers), ...policies);

  test("a provider's answer is an assumption where its rule matches", () => {
    expect(decideOn(mesh(custom('grpc')), {})).toMatchObject({
      verdict: 'allow',
      assumptions: ['CUSTOM provider `grpc` allows the request'],
    });
    expect(decideOn(mesh(custom('grpc')), { destination: { port: 90 } }).assumptions).toEqual([]);
  });

  test('a provider that the mesh settings do not hold denies', () => {
    expect(decideOn(mesh(custom('gone')), {})).toMatchObject({
      layer: 'authorization-policy',
      policy: 'a/c',
      rule: 0,
      status: { http: 403, grpc: 7 },
    });
  });

  test('several providers on one workload deny', () => {
    expect(decideOn(mesh(custom('grpc'), custom('http', 'd')), {})).toMatchObject({ verdict: 'deny', policy: 'a/c' });
  });

  test('an HTTP provider is skipped on a TCP chain, a gRPC provider is not', () => {
    expect(decideOn(mesh(custom('http')), tcp).assumptions).toEqual([]);
    expect(decideOn(mesh(custom('grpc')), tcp).assumptions).toHaveLength(1);
  });
});

const authentication = (rule: object) =>
  securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer: 'https://i', ...rule }] });

describe('tokens (semantics 8)', () => {
  const token = (claims: object, invalid?: string) => ({
    jwt: { claims: { iss: 'https://i', ...claims }, ...(invalid === undefined ? {} : { invalid }) },
  });
  const rows = [
    {
      name: 'scheme and trailing slash of an audience do not count',
      rule: { audiences: ['https://api/'] },
      call: token({ aud: 'api' }),
      http: 200,
    },
    { name: 'another audience is 403', rule: { audiences: ['api'] }, call: token({ aud: 'other' }), http: 403 },
    {
      name: 'an expired token is 401 before its audience is looked at',
      rule: { audiences: ['api'] },
      call: token({ aud: 'other' }, 'expired'),
      http: 401,
    },
    {
      name: 'an audience at fault is 403 before the signature is',
      rule: { audiences: ['api'] },
      call: token({ aud: 'api' }, 'audience'),
      http: 403,
    },
    { name: 'a bad signature is 401', rule: {}, call: token({}, 'signature'), http: 401 },
    { name: 'an unknown issuer is 401', rule: {}, call: token({ iss: 'https://other' }), http: 401 },
    {
      name: 'a token elsewhere than the rule looks is none',
      rule: { fromHeaders: [{ name: 'x-token' }] },
      call: token({}, 'expired'),
      http: 200,
    },
    {
      name: 'without a prefix the word Bearer counts as part of the token, which nobody can read',
      rule: { fromHeaders: [{ name: 'Authorization' }] },
      call: token({}),
      http: 401,
    },
    {
      name: 'a prefix without the blank is enough',
      rule: { fromHeaders: [{ name: 'authorization', prefix: 'Bearer' }] },
      call: token({}),
      http: 200,
    },
    {
      name: 'a prefix that ends inside the word leaves the rest of it for a token',
      rule: { fromHeaders: [{ name: 'authorization', prefix: 'Bea' }] },
      call: token({}),
      http: 401,
    },
    {
      name: 'one header that reads the token suffices',
      rule: { fromHeaders: [{ name: 'authorization' }, { name: 'authorization', prefix: 'Bearer ' }] },
      call: token({}),
      http: 200,
    },
    {
      name: 'a prefix that is not there finds no token',
      rule: { fromHeaders: [{ name: 'authorization', prefix: 'Token ' }] },
      call: token({}, 'expired'),
      http: 200,
    },
  ];
  test.for(rows)('$name', ({ rule, call, http }) => {
    expect(decideOn(meshOf(X, authentication(rule)), call).status?.http).toBe(http);
  });

  test('a word of a scope matches exactly, not as a part of a longer word', () => {
    const mesh = meshOf(
      X,
      authentication({}),
      allow({ when: [{ key: 'request.auth.claims[scope]', values: ['read'] }] }),
    );
    const verdicts = ['read', 'a read b', 'reader', 'a.read', 'xread read'].map(
      (scope) => decideOn(mesh, token({ scope })).verdict,
    );
    expect(verdicts).toEqual(['allow', 'allow', 'deny', 'deny', 'allow']);
  });
});

describe('conditions that the webhook refuses, as istiod reads them (semantics 3.5, 3.11)', () => {
  const verdict = (policy: string, parts: CallParts) => {
    const documents = readDocuments('mesh.yaml', [X, policy].join('\n---\n')).documents;
    const mesh = parseMesh(documents, { tolerate: ['webhook'] });
    if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
    return decideOn(mesh.value, parts).verdict;
  };
  const tcp = { destination: { port: 70 }, http: null };
  const header = 'request.headers[x]';
  const rows = [
    { name: 'a condition without values is none', policy: allow({ when: [{ key: header }] }), call: {} },
    { name: 'it costs no rule on a TCP chain either', policy: allow({ when: [{ key: header }] }), call: tcp },
    { name: 'nor does its key need a name', policy: allow({ when: [{ key: 'request.headers' }] }), call: {} },
    {
      name: 'values for a key without a name cost an ALLOW its rule',
      policy: allow({ when: [{ key: 'request.headers', values: ['a'] }] }),
      call: {},
      verdict: 'deny',
    },
    {
      name: 'and a DENY the condition alone',
      policy: deny({ when: [{ key: 'request.auth.claims[a', values: ['a'] }] }),
      call: {},
      verdict: 'deny',
    },
    {
      name: 'an unknown key costs a DENY its rule',
      policy: deny({ when: [{ key: 'request.header[x]', values: ['a'] }] }),
      call: {},
    },
  ];
  test.for(rows)('$name', ({ policy, call, verdict: expected = 'allow' }) => {
    expect(verdict(policy, call)).toBe(expected);
  });
});

describe('assumptions', () => {
  test('EnvoyFilters of the workload and of the root namespace are named, others are not', () => {
    const filter = (namespace: string, app: string) =>
      networkingYaml('EnvoyFilter', namespace, { workloadSelector: { labels: { app } } }, `f-${app}`).replace(
        '/v1"',
        '/v1alpha3"',
      );
    const mesh = meshOf(X, filter('a', 'x'), filter('a', 'y'), filter('istio-system', 'x'));
    expect(decideOn(mesh, {}).assumptions).toEqual([
      'EnvoyFilter `a/f-x` does not change the verdict',
      'EnvoyFilter `istio-system/f-x` does not change the verdict',
    ]);
  });

  test('a rule that reads a header which tokens give or take is an assumption, any other header is none', () => {
    const reading = (name: string) => allow({ when: [{ key: `request.headers[${name}]`, values: ['*'] }] });
    const writing = authentication({ outputClaimToHeaders: [{ header: 'X-Team', claim: 'team' }] });
    const assumptionsFor = (...parts: readonly string[]) => decideOn(meshOf(X, ...parts), {}).assumptions;
    expect(assumptionsFor(reading('Authorization'))).toEqual([
      'header `authorization`, which rules read, is not removed with a token',
    ]);
    expect(assumptionsFor(reading('x-team'), writing)).toEqual([
      'header `x-team`, which rules read, is given by no token whose claim `team` is a list or an object',
    ]);
    const payload = authentication({ outputPayloadToHeader: 'X-Team' });
    expect(assumptionsFor(reading('x-team'), payload)).toEqual([
      'header `x-team`, which rules read, is not given by a token',
    ]);
    expect(assumptionsFor(reading('x-team'))).toEqual([]);
    expect(assumptionsFor(reading('x-other'), writing)).toEqual([]);
  });

  test('a sidecar that nothing promises is an assumption', () => {
    const mesh = meshOf(X.replace(", sidecar.istio.io/inject: 'true'", ''));
    expect(decideOn(mesh, {}).assumptions).toEqual(['a sidecar is injected into `a/x`: no label says so']);
  });
});

describe('the decider of one workload', () => {
  const request = parseRequest({
    id: '1',
    source: { principal: null, ip: '10.0.0.1' },
    destination: { namespace: 'a', workload: 'x', port: 80 },
    http: { method: 'GET', path: '/x' },
  });

  test('leaves NetworkPolicy to the network and decides the rest', () => {
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    const drop = networkingYaml('NetworkPolicy', 'a', { podSelector: {} });
    const decider = compile(meshOf(X, drop, allow({ to: [{ operation: { paths: ['/y'] } }] })));
    expect(decider.decide(request.value).layer).toBe('network-policy');
    expect(decider.forWorkload({ namespace: 'a', workload: 'x' }).decide(request.value).layer).toBe(
      'authorization-policy',
    );
  });

  test('does not exist for a workload that the mesh does not have', () => {
    expect(() => compile(meshOf(X)).forWorkload({ namespace: 'a', workload: 'y' })).toThrow(
      '`a/y` is not part of the mesh',
    );
  });
});
