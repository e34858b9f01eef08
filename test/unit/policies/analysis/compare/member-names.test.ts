import { describe, expect, test } from 'vitest';
import { satisfies } from '#policies/analysis/attachment.ts';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { meshConfigYaml, meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const KEYS = JSON.stringify({ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] });

/** A mesh whose one rule asks for something under a name that every JavaScript object has a member of. */
function asking(key: string, values: readonly string[]) {
  const user = key.includes('claims') ? [{ key: 'request.auth.principal', values: ['*'] }] : [];
  return meshOf(
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }, 'default'),
    securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer: 'https://one', jwks: KEYS }] }),
    securityYaml('AuthorizationPolicy', 'a', { rules: [{ when: [{ key, values }, ...user] }] }),
  );
}

describe('what policies name like members of every object', () => {
  const names = [
    'request.headers[__proto__]',
    'request.headers[constructor]',
    'request.auth.claims[__proto__]',
    'request.auth.claims[__proto__][polluted]',
    'request.auth.claims[constructor][polluted]',
    'request.auth.claims[a][__proto__]',
    'experimental.envoy.filters.f[__proto__]',
    'experimental.envoy.filters.f[constructor]',
  ];
  const cases = names.flatMap((key) => [['x'], ['[x]']].map((values) => ({ key, values })));

  test.for(cases)('$key: $values is refuted with a request that shows it, and changes no object', ({ key, values }) => {
    const intent = parseIntent({ version: 1, trustDomain: 'td', grants: [], platform: [] }, 'intent.json');
    if (!intent.ok) throw new Error(JSON.stringify(intent.problems));
    const mesh = asking(key, values);
    const before = Object.getOwnPropertyNames(Object.prototype);
    const { obligations } = verifyIntent(mesh, intent.value, { profile: PROFILES['istio-1.31'] });
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    const found = obligations.flatMap(({ counterexamples }) => counterexamples);
    const allowed = found.filter(({ request, decided }) => decided.verdict === 'allow' && isOn(request, 80));
    expect(allowed.length).toBeGreaterThan(0);
    for (const { request } of allowed) {
      const read = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!read.ok) throw new Error(JSON.stringify(read.problems));
      expect(compile(mesh).decide(read.value).allowed).toBe(true);
    }
  });

  test('are set by no filter of a request that says nothing of them', () => {
    const mesh = asking('experimental.envoy.filters.f[__proto__]', ['[x]']);
    const read = parseRequest({
      id: 'r',
      source: { principal: 'spiffe://td/ns/a/sa/x' },
      destination: { namespace: 'a', workload: 'x', port: 80 },
      http: { method: 'GET', path: '/' },
      metadata: { 'envoy.filters.f': { other: 'x' } },
    });
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    expect(compile(mesh).decide(read.value).allowed).toBe(false);
  });

  test.for(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    '%s is no label of pods that do not carry it',
    (key) => {
      expect(satisfies({ key, operator: 'Exists', values: [] }, {})).toBe(false);
      expect(satisfies({ key, operator: 'DoesNotExist', values: [] }, {})).toBe(true);
      expect(satisfies({ key, operator: 'Exists', values: [] }, { [key]: 'v' })).toBe(true);
    },
  );
});

const isOn = ({ destination }: Readonly<Record<string, unknown>>, port: number): boolean =>
  JSON.stringify(destination).includes(`"port":${port}`);
