import { describe, expect, test } from 'vitest';
import { CODES } from '#policies/analysis/lint/checks.ts';
import { AMBIENT_CASES } from './ambient-cases.ts';
import { BYPASS_CASES } from './bypass-cases.ts';
import type { CodeCase } from './code-case.ts';
import { EDGE_CASES } from './edge-cases.ts';
import { ENFORCEMENT_CASES } from './enforcement-cases.ts';
import { IDENTITY_CASES } from './identity-cases.ts';
import { IDLE_RULE_CASES } from './idle-rule-cases.ts';
import { INSTALLATION_CASES } from './installation-cases.ts';
import { cartPolicy, codesWith, istio, lintWith } from './lint-mesh.ts';
import { ROUTE_CASES } from './route-cases.ts';
import { RULE_CASES } from './rule-cases.ts';
import { TOKEN_CASES } from './token-cases.ts';
import { TRAFFIC_CASES } from './traffic-cases.ts';

const CASES: readonly CodeCase[] = [
  ...RULE_CASES,
  ...IDLE_RULE_CASES,
  ...TOKEN_CASES,
  ...TRAFFIC_CASES,
  ...ENFORCEMENT_CASES,
  ...AMBIENT_CASES,
  ...BYPASS_CASES,
  ...EDGE_CASES,
  ...INSTALLATION_CASES,
  ...IDENTITY_CASES,
  ...ROUTE_CASES,
];

describe('the codes of lint', () => {
  test('the clean mesh has no finding at all', () => {
    expect(lintWith({}).findings).toEqual([]);
  });

  test.for(CASES)('$code is found', ({ code, bad }) => {
    expect(codesWith(bad)).toContain(code);
  });

  test.for(CASES)('$code is not found: $because', ({ code, good }) => {
    expect(codesWith(good)).not.toContain(code);
  });

  test('every code has its case', () => {
    const tested = new Set(CASES.map(({ code }) => code));
    const untested = CODES.map(({ code }) => code).filter(
      (code) => !tested.has(code) && !code.startsWith('suppression/'),
    );
    expect(untested).toEqual([]);
  });

  test.for(CODES)('$code is area-first, has a title and a paragraph', ({ code, title, resolution }) => {
    expect(code).toMatch(/^[a-z]+\/[a-z0-9-]+$/);
    expect(title).toMatch(/^[^\n]{10,80}[^.]$/);
    expect(resolution).toMatch(/^[^\n]{80,}\.$/);
  });
});

describe('a code that depends on the action', () => {
  const paths = { to: [{ operation: { paths: ['/shop.Cart/Get'] } }] };
  const deny = (rule: object) => ({ deny: cartPolicy([rule], { action: 'DENY' }, { name: 'deny' }) });

  test('HTTP fields without ports: an ALLOW rule still works on the HTTP port, a DENY rule shuts the TCP port', () => {
    const allow = cartPolicy([{ ...paths, from: [{ source: { principals: ['td/ns/shop/sa/front'] } }] }]);
    expect(codesWith({ policy: allow })).not.toContain('authz/http-field-on-tcp-port');
    expect(codesWith(deny(paths))).toContain('authz/http-field-on-tcp-port');
  });

  test('a token is required by DENY of every call without one, not by DENY of some tokens', () => {
    const tokens = istio('RequestAuthentication', 'r', {
      selector: { matchLabels: { app: 'cart' } },
      jwtRules: [{ issuer: 'https://i', jwks: '{"keys":[]}' }],
    });
    const withDeny = (source: object) => codesWith({ tokens, ...deny({ from: [{ source }] }) });
    expect(withDeny({ notRequestPrincipals: ['*'] })).not.toContain('token/not-required');
    expect(withDeny({ requestPrincipals: ['https://i/bad'] })).toContain('token/not-required');
  });
});
