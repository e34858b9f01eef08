import { describe, expect, test } from 'vitest';
import { admissionsOf, admit, admitPort } from '#policies/intent/admission.ts';
import { admissions, expiredGrants, type IntentResult, readIntent } from '#policies/intent/index.ts';
import { catalog } from '#services/catalog.ts';
import { ExecutionService, OrderService } from '#services/gen/descriptors.ts';
import { call, connect, type ServiceDeclaration } from '#services/runtime/declaration.ts';

const settings = { trustDomain: 'trading.local', issuer: 'https://idp.example', audiences: ['trading'] };
const terms = { reason: 'needed', owner: 'team', timeoutMs: 1000 };

const workload = (name: string, more: Partial<ServiceDeclaration>): ServiceDeclaration => ({
  name,
  namespace: 'trading',
  serviceAccount: name,
  kind: 'service',
  owner: 'team',
  contracts: [],
  calls: [],
  scaling: 'stateless',
  ...more,
});

const submit = ExecutionService.methods.submitTrade;
const execution = workload('execution', { contracts: [{ kind: 'grpc', port: 2, services: [ExecutionService] }] });
const caller = workload('order', { calls: [call(submit, terms)] });

const problemsOf = (result: IntentResult) => (result.ok ? [] : result.problems);
const codesOf = (result: IntentResult) => problemsOf(result).map((problem) => problem.code);

describe('the platform', () => {
  const result = readIntent(catalog, admissions, settings);

  test('both keys of every grant agree', () => {
    expect(problemsOf(result)).toEqual([]);
  });

  test('order may call POST /trades on execution, and nobody else may', () => {
    if (!result.ok) throw new Error('the platform must have an intent');
    const grants = result.intent.grants.filter((grant) => grant.http?.path === submit.path);
    expect(grants).toMatchObject([
      {
        caller: { kind: 'workload', namespace: 'trading', serviceAccount: 'order' },
        callee: { kind: 'workload', namespace: 'trading', workload: 'execution' },
        port: 50053,
        http: { method: 'POST', path: '/trading.execution.v1.ExecutionService/SubmitTrade' },
        route: 'POST /trades',
        user: null,
      },
    ]);
  });

  test('every user-facing method of order and portfolio asks for a user with a scope', () => {
    if (!result.ok) throw new Error('the platform must have an intent');
    const userFacing = result.intent.grants.filter(
      ({ caller: from, callee: to }) =>
        from.kind === 'workload' && from.serviceAccount === 'gateway' && to.kind === 'workload',
    );
    expect(userFacing.length).toBeGreaterThan(0);
    expect(userFacing.filter((grant) => grant.user === null)).toEqual([]);
  });
});

describe('readIntent', () => {
  test('grants where caller and callee agree, with both places', () => {
    const result = readIntent(
      [caller, execution],
      admissionsOf('execution', [admit(submit, { from: ['order'] })]),
      settings,
    );
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.intent.grants).toHaveLength(1);
    expect(result.intent.grants[0]?.source).toMatch(/^test\/unit\/policies\/intent\/read-intent\.test\.ts:\d+$/);
    expect(result.intent.grants[0]?.admittedAt).toMatch(/^test\/unit\/policies\/intent\/read-intent\.test\.ts:\d+$/);
  });

  test('a call without admission is refused with both places named', () => {
    const result = readIntent([caller, execution], [], settings);
    expect(problemsOf(result)).toMatchObject([
      {
        code: 'call/not-admitted',
        sources: [expect.stringContaining('read-intent.test.ts:'), 'policies/intent/execution.ts'],
      },
    ]);
  });

  test('an admission without a call is refused with both places named', () => {
    const lonely = admissionsOf('execution', [admit(submit, { from: ['order'] })]);
    const result = readIntent([workload('order', {}), execution], lonely, settings);
    expect(problemsOf(result)).toMatchObject([
      {
        code: 'admission/not-called',
        sources: [expect.stringContaining('read-intent.test.ts:'), 'services/order/service.ts'],
      },
    ]);
  });

  test('a reserved admission needs no call and grants nothing', () => {
    const reserved = admissionsOf('execution', [
      admit(submit, { from: ['order'], reserved: 'comes with the next release' }),
    ]);
    const result = readIntent([workload('order', {}), execution], reserved, settings);
    expect(result.ok && result.intent.grants).toEqual([]);
  });

  const bad = [
    { title: 'a method of no workload', code: 'call/unknown-target', catalog: [caller], admissions: [] },
    {
      title: 'an admission to a method outside the contract',
      code: 'admission/unknown-target',
      catalog: [workload('order', {}), execution],
      admissions: admissionsOf('execution', [admit(OrderService.methods.getOrder, { from: ['order'] })]),
    },
    {
      title: 'an admission of a caller that does not exist',
      code: 'admission/unknown-caller',
      catalog: [execution],
      admissions: admissionsOf('execution', [admit(submit, { from: ['ghost'], reserved: 'later' })]),
    },
    {
      title: 'an admission of nobody',
      code: 'admission/empty',
      catalog: [execution],
      admissions: admissionsOf('execution', [admit(submit, { from: [], reserved: 'later' })]),
    },
    {
      title: 'two workloads with one identity',
      code: 'service/shared-identity',
      catalog: [workload('a', { serviceAccount: 'same' }), workload('b', { serviceAccount: 'same' })],
      admissions: [],
    },
    {
      title: 'two workloads with one name',
      code: 'service/duplicate-name',
      catalog: [workload('a', {}), workload('a', { namespace: 'other' })],
      admissions: [],
    },
    {
      title: 'two contracts with one port',
      code: 'service/shared-port',
      catalog: [
        workload('a', { contracts: [{ kind: 'tcp', port: 7 }] }),
        workload('b', { contracts: [{ kind: 'tcp', port: 7 }] }),
      ],
      admissions: [],
    },
    {
      title: 'one gRPC method of two workloads',
      code: 'service/shared-method',
      catalog: [execution, workload('twin', { contracts: [{ kind: 'grpc', port: 3, services: [ExecutionService] }] })],
      admissions: [],
    },
    {
      title: 'a name that is no DNS label',
      code: 'service/bad-name',
      catalog: [workload('Order', {})],
      admissions: [],
    },
    {
      title: 'a call without a reason',
      code: 'call/no-reason',
      catalog: [workload('order', { calls: [call(submit, { ...terms, reason: ' ' })] }), execution],
      admissions: admissionsOf('execution', [admit(submit, { from: ['order'] })]),
    },
    {
      title: 'a call without an owner',
      code: 'call/no-owner',
      catalog: [workload('order', { calls: [call(submit, { ...terms, owner: '' })] }), execution],
      admissions: admissionsOf('execution', [admit(submit, { from: ['order'] })]),
    },
    {
      title: 'a call without a deadline',
      code: 'call/bad-timeout',
      catalog: [workload('order', { calls: [call(submit, { ...terms, timeoutMs: 0 })] }), execution],
      admissions: admissionsOf('execution', [admit(submit, { from: ['order'] })]),
    },
    {
      title: 'an expiry that is no day',
      code: 'call/bad-expiry',
      catalog: [workload('order', { calls: [call(submit, { ...terms, expires: '2027-02-30' })] }), execution],
      admissions: admissionsOf('execution', [admit(submit, { from: ['order'] })]),
    },
    {
      title: 'one call declared twice',
      code: 'call/declared-twice',
      catalog: [workload('order', { calls: [call(submit, terms), call(submit, terms)] }), execution],
      admissions: admissionsOf('execution', [admit(submit, { from: ['order'] })]),
    },
  ];

  test.for(bad)('$title is refused as $code', (row) => {
    expect(codesOf(readIntent(row.catalog, row.admissions, settings))).toContain(row.code);
  });

  test('all problems are reported at once', () => {
    const result = readIntent(
      [workload('Order', { calls: [call(submit, { ...terms, reason: '' }), connect('ghost', 9, terms)] }), execution],
      admissionsOf('execution', [admitPort(9, { from: ['ghost'] })]),
      settings,
    );
    expect(new Set(codesOf(result))).toEqual(
      new Set([
        'service/bad-name',
        'call/no-reason',
        'call/not-admitted',
        'call/unknown-target',
        'admission/unknown-caller',
        'admission/unknown-target',
      ]),
    );
  });
});

describe('expiredGrants', () => {
  const expiring = workload('order', { calls: [call(submit, { ...terms, expires: '2027-06-30' })] });
  const result = readIntent(
    [expiring, execution],
    admissionsOf('execution', [admit(submit, { from: ['order'] })]),
    settings,
  );

  test.for([
    { day: '2027-06-29', expired: 0 },
    { day: '2027-06-30', expired: 0 },
    { day: '2027-07-01', expired: 1 },
  ])('on $day there are $expired expired grants', ({ day, expired }) => {
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(expiredGrants(result.intent, day)).toHaveLength(expired);
  });
});
