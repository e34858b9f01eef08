import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AuthorizationRule, authorizationRules, policyPath } from '#infra/constructs/authorization-rules.ts';
import type { Grant, UserRequirement } from '#policies/intent/index.ts';

const trader: UserRequirement = {
  issuer: 'https://idp.example',
  audiences: ['trading'],
  claims: [{ claim: 'scope', values: ['orders.write'] }],
};

function grant(serviceAccount: string, method: string, path: string, more: Partial<Grant> = {}): Grant {
  return {
    caller: { kind: 'workload', namespace: 'trading', serviceAccount },
    callee: { kind: 'workload', namespace: 'trading', workload: 'callee' },
    protocol: 'http',
    port: 8080,
    http: { method, path },
    user: null,
    reason: 'because',
    owner: 'team',
    ...more,
  };
}

const rulesOf = (...grants: readonly Grant[]): readonly AuthorizationRule[] => authorizationRules(grants, 'td');
const principalsOf = (rule: AuthorizationRule | undefined) => rule?.from?.[0]?.source.principals;

/** What a rule admits, written out: `principal port method path user`. */
function admitted(rules: readonly AuthorizationRule[]): readonly string[] {
  return rules
    .flatMap(({ from, to, when }) =>
      (from ?? [{ source: { principals: ['anybody'], requestPrincipals: undefined } }]).flatMap(({ source }) =>
        source.principals.flatMap((principal) =>
          to.flatMap(({ operation }) =>
            operation.ports.flatMap((port) =>
              (operation.methods ?? ['']).flatMap((method) =>
                (operation.paths ?? ['']).map((path) =>
                  [principal, port, method, path, when === undefined ? '' : JSON.stringify(when)].join(' '),
                ),
              ),
            ),
          ),
        ),
      ),
    )
    .sort();
}

describe('the rules of an ALLOW policy', () => {
  test('join callers that have the same methods', () => {
    const rules = rulesOf(grant('a', 'GET', '/x'), grant('b', 'GET', '/x'));
    expect(rules).toHaveLength(1);
    expect(principalsOf(rules[0])).toEqual(['td/ns/trading/sa/a', 'td/ns/trading/sa/b']);
  });

  test('never join callers of different methods into a cross product', () => {
    const rules = rulesOf(grant('a', 'GET', '/x'), grant('b', 'GET', '/x'), grant('b', 'GET', '/y'));
    expect(rules.map(principalsOf)).toEqual([['td/ns/trading/sa/a'], ['td/ns/trading/sa/b']]);
  });

  test('never let a method of one path through on another', () => {
    const [rule] = rulesOf(grant('a', 'GET', '/x'), grant('a', 'POST', '/y'));
    expect(rule?.to.map(({ operation }) => [operation.methods, operation.paths])).toEqual([
      [['GET'], ['/x']],
      [['POST'], ['/y']],
    ]);
  });

  test('keep what needs a user apart from what does not', () => {
    const rules = rulesOf(grant('a', 'GET', '/x', { user: trader }), grant('a', 'GET', '/y'));
    expect(rules).toHaveLength(2);
    const asking = rules.find(({ when }) => when !== undefined);
    expect(asking?.from?.[0]?.source.requestPrincipals).toEqual(['https://idp.example/*']);
    expect(asking?.when).toEqual([
      { key: 'request.auth.audiences', values: ['trading'] },
      { key: 'request.auth.claims[scope]', values: ['orders.write'] },
    ]);
  });

  test('name the port alone for raw bytes', () => {
    const [rule] = rulesOf(grant('a', '', '', { protocol: 'tcp', port: 5432, http: null }));
    expect(rule?.to).toEqual([{ operation: { ports: ['5432'] } }]);
  });

  test('leave the kubelet out, which has no identity and passes beside the proxy', () => {
    expect(rulesOf(grant('a', 'GET', '/x', { caller: { kind: 'node' } }))).toEqual([]);
  });

  test('keep another trust domain where a grant names one', () => {
    const foreign = { kind: 'workload', trustDomain: 'other', namespace: 'n', serviceAccount: 's' } as const;
    expect(principalsOf(rulesOf(grant('a', 'GET', '/x', { caller: foreign }))[0])).toEqual(['other/ns/n/sa/s']);
  });

  test('admit exactly the grants, in whatever order they are given', () => {
    const grants = fc.array(
      fc.record({
        account: fc.constantFrom('a', 'b', 'c', 'd'),
        method: fc.constantFrom('GET', 'POST', 'DELETE'),
        path: fc.constantFrom('/x', '/y', '/z', '/p.S/M'),
        port: fc.constantFrom(8080, 9090),
        user: fc.constantFrom(null, trader),
      }),
      { maxLength: 24 },
    );
    fc.assert(
      fc.property(grants, fc.infiniteStream(fc.nat()), (rows, order) => {
        const given = rows.map(({ account, method, path, port, user }) => grant(account, method, path, { port, user }));
        const keys = new Map(given.map((each) => [each, order.next().value ?? 0]));
        const shuffled = [...given].sort((left, right) => (keys.get(left) ?? 0) - (keys.get(right) ?? 0));
        const rules = authorizationRules(given, 'td');
        const expected = new Set(
          rows.map(({ account, method, path, port, user }) =>
            [
              `td/ns/trading/sa/${account}`,
              port,
              method,
              path,
              user === null
                ? ''
                : JSON.stringify([
                    { key: 'request.auth.audiences', values: ['trading'] },
                    { key: 'request.auth.claims[scope]', values: ['orders.write'] },
                  ]),
            ].join(' '),
          ),
        );
        expect(admitted(rules)).toEqual([...expected].sort());
        expect(authorizationRules(shuffled, 'td')).toEqual(rules);
      }),
      { numRuns: 300 },
    );
  });

  const paths = [
    { template: '/orders', expected: '/orders' },
    { template: '/orders/{client_order_id}', expected: '/orders/{*}' },
    { template: '/quotes/{symbol}/events', expected: '/quotes/{*}/events' },
    { template: '/trading.order.v1.OrderService/GetOrder', expected: '/trading.order.v1.OrderService/GetOrder' },
  ];
  test.for(paths)('write the path $template as $expected', ({ template, expected }) => {
    expect(policyPath(template)).toBe(expected);
  });
});
