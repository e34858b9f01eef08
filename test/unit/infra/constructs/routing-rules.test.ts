import { describe, expect, test } from 'vitest';
import { declaredRoutes, duration, undeclaredRoutes, uriMatch } from '#infra/constructs/routing-rules.ts';
import type { Grant } from '#policies/intent/index.ts';

const host = 'order.trading.svc.cluster.local';
const grant = (path: string, more: Partial<Grant> = {}): Grant => ({
  caller: { kind: 'workload', namespace: 'edge', serviceAccount: 'gateway' },
  callee: { kind: 'workload', namespace: 'trading', workload: 'order' },
  protocol: 'grpc',
  port: 50051,
  http: { method: 'POST', path },
  user: null,
  reason: 'because',
  owner: 'team',
  timeoutMs: 1000,
  ...more,
});
const routesOf = (...grants: readonly Grant[]) => declaredRoutes(host, grants, { matchesMethod: true });

describe('the routes of a VirtualService', () => {
  test('repeat nothing that is not declared idempotent', () => {
    expect(routesOf(grant('/a.B/C'))[0]?.retries).toEqual({ attempts: 0 });
    expect(routesOf(grant('/a.B/C', { idempotent: false }))[0]?.retries).toEqual({ attempts: 0 });
  });

  test('repeat a harmless call once, and only when the callee cannot have seen it', () => {
    expect(routesOf(grant('/a.B/C', { idempotent: true }))[0]?.retries).toEqual({
      attempts: 1,
      perTryTimeout: '1s',
      retryOn: 'connect-failure,refused-stream',
    });
  });

  test('repeat nothing when one of several callers may not repeat it', () => {
    const [route, ...rest] = routesOf(grant('/a.B/C', { idempotent: true }), grant('/a.B/C'));
    expect(rest).toEqual([]);
    expect(route?.retries).toEqual({ attempts: 0 });
  });

  test('take the longest declared time-out, and none when a caller declares none', () => {
    expect(routesOf(grant('/a.B/C', { timeoutMs: 400 }), grant('/a.B/C', { timeoutMs: 1500 }))[0]?.timeout).toBe(
      '1.5s',
    );
    const { timeoutMs: _, ...open } = grant('/a.B/C');
    expect(routesOf(grant('/a.B/C'), open)[0]?.timeout).toBeUndefined();
  });

  test('put exact paths before templates, so that no parameter swallows a name', () => {
    const paths = routesOf(grant('/orders/{id}'), grant('/orders/open')).map(({ match }) => match?.[0]?.uri);
    expect(paths).toEqual([{ exact: '/orders/open' }, { regex: '/orders/[^/]+' }]);
  });

  test('escape what a regular expression would read', () => {
    expect(uriMatch('/a.b/{c}')).toEqual({ regex: '/a\\.b/[^/]+' });
  });

  test('let what is undeclared travel without retries, so that the callee refuses it', () => {
    expect(undeclaredRoutes(host, [50051])).toEqual([
      {
        name: 'undeclared 50051',
        match: [{ port: 50051 }],
        retries: { attempts: 0 },
        route: [{ destination: { host, port: { number: 50051 } } }],
      },
    ]);
  });

  const durations = [
    { milliseconds: 500, expected: '0.5s' },
    { milliseconds: 1000, expected: '1s' },
    { milliseconds: 600_000, expected: '600s' },
  ];
  test.for(durations)('write $milliseconds ms as $expected', ({ milliseconds, expected }) => {
    expect(duration(milliseconds)).toBe(expected);
  });
});
