import { describe, expect, test } from 'vitest';
import { verifyBaseline } from '#policies/analysis/compare/verify-baseline.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { meshConfigYaml, meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const allowing = (rule: object) => securityYaml('AuthorizationPolicy', 'a', { rules: [rule] }, 'p');
const tokens = (more: object) =>
  securityYaml('RequestAuthentication', 'a', { jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}', ...more }] });
const withToken = { from: [{ source: { requestPrincipals: ['https://i/*'] } }] };
const withMetadata = { when: [{ key: 'experimental.envoy.filters.network.x[k]', values: ['v'] }] };
const contradiction = [
  { key: 'destination.port', values: ['80'] },
  { key: 'destination.port', values: ['81'] },
];

function vacuous(...texts: readonly string[]) {
  const mesh = meshOf(meshConfigYaml({}), workloadYaml('a', 'x'), ...texts);
  const { obligations } = verifyBaseline(mesh, { profile: PROFILES['istio-1.31'] });
  const found = obligations.find(({ name }) => name === 'no-vacuous-rule');
  return { status: found?.status, said: [...(found?.assumptions ?? []), ...(found?.notes ?? [])].join() };
}

describe('a rule that reads what requests are not taken to carry', () => {
  test('is assumed to match something where tokens are in another header', () => {
    const { status, said } = vacuous(tokens({ fromHeaders: [{ name: 'x-token' }] }), allowing(withToken));
    expect(status).toBe('conditional');
    expect(said).toContain('`a/p` rule 0 has a part: tokens in other places than `Authorization` are not looked at');
  });

  test('is decided where it asks for dynamic metadata, which filters may set', () => {
    expect(vacuous(allowing(withMetadata)).status).toBe('proved');
    expect(vacuous(allowing({ when: [...withMetadata.when, ...contradiction] })).status).toBe('refuted');
  });

  test('is decided where tokens are in their usual place', () => {
    expect(vacuous(tokens({}), allowing(withToken)).status).toBe('proved');
    expect(vacuous(allowing(withToken)).status).toBe('refuted');
  });
});
