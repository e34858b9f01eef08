import { describe, expect, test } from 'vitest';
import { type Grant, parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { changedMesh, ownIntent } from '../../../../support/changed-platform.ts';

const own = ownIntent();
const isScrapeOfOrder = ({ callee, caller, port }: Grant): boolean =>
  callee.kind === 'workload' && callee.workload === 'order' && caller.kind === 'identity' && port === 15_020;
const verified = (grants: readonly Grant[], mesh = changedMesh('AuthorizationPolicy', '*', () => undefined)) =>
  verifyIntent(mesh, { ...own, grants }, { profile: PROFILES['istio-1.31'] }).obligations;
const named = (obligations: ReturnType<typeof verified>, name: string) =>
  obligations.find((each) => each.name === name);

describe('calls that NetworkPolicy alone guards', () => {
  test('are proved where they are declared as such, and named', () => {
    const equal = named(verified(own.grants), 'allowed-equals-declared');
    expect(equal?.status).toBe('proved');
    expect(equal?.notes.join()).toContain('declared as guarded by NetworkPolicy alone: prometheus -> ');
    expect(equal?.notes.join()).toContain('15020');
  });

  test('are refuted where every layer was to guard them: whoever reaches the port is let in, with any bytes', () => {
    const pretending = own.grants.map(
      (grant): Grant => (isScrapeOfOrder(grant) ? { ...grant, guard: 'everyLayer' } : grant),
    );
    const obligations = verified(pretending);
    const equal = named(obligations, 'allowed-equals-declared');
    expect(equal?.status).toBe('refuted');
    expect(equal?.counterexamples.map(({ expected, decided }) => [expected, decided.verdict])).toContainEqual([
      'deny',
      'allow',
    ]);
    expect(named(obligations, 'mutual-tls-only')?.status).toBe('refuted');
  });

  test('do not excuse a port that a proxy stands before', () => {
    const excused = own.grants.map(
      (grant): Grant =>
        grant.callee.kind === 'workload' && grant.callee.workload === 'postgres' && grant.port === 5432
          ? { ...grant, guard: 'networkPolicy' }
          : grant,
    );
    expect(named(verified(excused), 'allowed-equals-declared')?.status).toBe('proved');
    const open = changedMesh('AuthorizationPolicy', 'data/postgres-callers', ({ spec }) => {
      spec.rules = [{}];
      return undefined;
    });
    expect(named(verified(excused, open), 'allowed-equals-declared')?.status).toBe('refuted');
  });

  test('are refuted where the manifests hold no NetworkPolicy at all', () => {
    const none = changedMesh('NetworkPolicy', '*', () => 'drop');
    const layers = named(verified(own.grants, none), 'declared-calls-pass-every-layer');
    expect(layers).toMatchObject({ status: 'refuted', notes: [expect.stringContaining('the manifests hold none')] });
  });

  test('are those of NetworkPolicy in the proof: an undeclared caller of the status port is refuted there', () => {
    const open = changedMesh('NetworkPolicy', 'trading/order', ({ spec }) => {
      spec.ingress.push({ from: [{ podSelector: {} }], ports: [{ port: 15_020, protocol: 'TCP' }] });
      return undefined;
    });
    expect(named(verified(own.grants, open), 'network-equals-declared')?.status).toBe('refuted');
    expect(named(verified(own.grants, open), 'allowed-equals-declared')?.status).toBe('proved');
  });
});

describe('an intent', () => {
  const grant = {
    caller: { kind: 'workload', namespace: 'a', serviceAccount: 'b' },
    callee: { kind: 'workload', namespace: 'a', workload: 'c' },
    protocol: 'http',
    port: 15_020,
    http: null,
    user: null,
    owner: 'o',
    reason: 'r',
  };
  test.for([
    { title: 'knows no other guard', more: { guardedBy: 'nobody' }, codes: ['intent/guard'] },
    {
      title: 'cannot leave methods to NetworkPolicy',
      more: { guardedBy: 'network-policy', http: { method: 'GET', path: '/' } },
      codes: ['intent/guard'],
    },
    { title: 'leaves ports to it', more: { guardedBy: 'network-policy' }, codes: [] },
  ])('$title', ({ more, codes }) => {
    const parsed = parseIntent({ version: 1, trustDomain: 'td', grants: [{ ...grant, ...more }], platform: [] }, 'i');
    expect(parsed.ok ? [] : parsed.problems.map(({ code }) => code)).toEqual(codes);
  });
});
