import { expect, test } from 'vitest';
import { refusalOf } from '#policies/analysis/explain/token-layer.ts';
import { PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { resolveCall } from '#policies/analysis/world.ts';
import { meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const rule = { issuer: 'https://one', audiences: ['shop'], jwksUri: 'https://one/jwks' };
const mesh = meshOf(workloadYaml('a', 'x'), securityYaml('RequestAuthentication', 'a', { jwtRules: [rule] }));
const good = { iss: 'https://one', aud: 'shop' };

test.for([
  [{ claims: { iss: 'https://two' } }, "the token's issuer `https://two` is not one of `https://one`"],
  [{ claims: {} }, "the token's issuer (none) is not one of `https://one`"],
  [{ claims: good, invalid: 'expired' }, 'the token has expired, or cannot be read'],
  [{ claims: { ...good, aud: 'x' } }, 'the token is for the audience "x", and the rule asks for `shop`'],
  [{ claims: good, invalid: 'signature' }, "no key of the rule for `https://one` fits the token's signature"],
] as const)('a refused token is told with its fault: %j', ([jwt, says]) => {
  const destination = { namespace: 'a', workload: 'x', port: 80 };
  const request = parseRequest({ destination, http: { method: 'GET', path: '/' }, jwt });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
  expect(refusalOf(resolveCall(world, request.value))).toBe(says);
});
