import { expect, test } from 'vitest';
import { Callee, proxyDecision } from '#policies/analysis/mutate/callee.ts';
import { jointWitnesses } from '#policies/analysis/mutate/witness.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { ALWAYS } from '#policies/analysis/symbolic/formula.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

function worldOf(rule: object, source: object) {
  const texts = [
    workloadYaml('a', 'x'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } }),
    securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer: 'iss', jwksUri: 'https://iss/jwks', ...rule }] }),
    securityYaml('AuthorizationPolicy', 'a', {
      rules: [{ from: [{ source }], when: [{ key: 'request.auth.claims[role]', values: ['r'] }] }],
    }),
  ];
  const mesh = parseMesh(readDocuments('mesh.yaml', texts.join('\n---\n')).documents);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  const world = { mesh: mesh.value, profile: DEFAULT_PROFILE, issuerKeys: new Map() };
  const [workload] = mesh.value.workloads;
  if (workload === undefined) throw new Error('no workload');
  return { world, workload, decision: { proxy: proxyDecision(world, workload, 80), gate: ALWAYS } };
}

const OWN = { principals: ['cluster.local/ns/a/sa/y'] };
const rows = [
  {
    title: 'one claim is split at spaces by one of them',
    mutant: worldOf({ spaceDelimitedClaims: ['role'] }, OWN),
    request: { jwt: { claims: { role: expect.stringMatching(/ r|r /) } } },
  },
  {
    title: 'one of them takes an identity beside that of another trust domain',
    mutant: worldOf({}, { principals: [...OWN.principals, 'elsewhere/ns/a/sa/y'] }),
    request: {
      source: { principal: ['spiffe://cluster.local/ns/stranger/sa/stranger', 'spiffe://elsewhere/ns/a/sa/y'] },
    },
  },
  {
    title: 'one of them leaves out an identity that another SAN may hold',
    mutant: worldOf({}, { ...OWN, notPrincipals: ['cluster.local/ns/a/sa/z'] }),
    request: { source: { principal: expect.arrayContaining(['spiffe://cluster.local/ns/a/sa/z']) } },
  },
];

test.for(rows)('a request tells two versions of a port apart where $title', ({ mutant, request }) => {
  const original = worldOf({}, OWN);
  const callee = new Callee({ ...original, port: 80, arrivals: () => [] }, original.decision);
  callee.decides(1, mutant.decision);
  const comparison = callee.compare(() => 0);
  expect(comparison.unknown.size).toBe(0);
  const found = jointWitnesses(callee, comparison);
  expect(found.every(({ kills }) => kills.has(1))).toBe(true);
  expect(found.map(({ json }) => json)).toContainEqual(
    expect.objectContaining({
      ...(request.jwt === undefined ? {} : { jwt: { claims: expect.objectContaining(request.jwt.claims) } }),
      ...(request.source === undefined ? {} : { source: expect.objectContaining(request.source) }),
    }),
  );
});

test('a version that only spells the same identities otherwise is no other', () => {
  const original = worldOf({}, OWN);
  const callee = new Callee({ ...original, port: 80, arrivals: () => [] }, original.decision);
  callee.decides(1, worldOf({}, { principals: [...OWN.principals, 'cluster.local/ns/a/sa/y'] }).decision);
  expect(callee.compare(() => 0).results.flatMap(({ disagreements }) => disagreements)).toEqual([]);
});
