import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import type { Cell } from '#policies/cli/live/cell.ts';
import type { ProbedCell, ProbedWay, ProbeReport } from '#policies/cli/live/probe-report.ts';
import { probeJson } from '#policies/cli/report/probe-json.ts';
import { probeJunit } from '#policies/cli/report/probe-junit.ts';
import { probeText } from '#policies/cli/report/probe-text.ts';

const workload = (name: string): Cell['caller']['workload'] => ({
  kind: 'Deployment',
  namespace: 'shop',
  name,
  labels: { app: name },
  ownPods: { labels: { app: name }, expressions: [] },
  annotations: {},
  serviceAccount: name,
  ports: [],
  injection: 'on',
  proxy: 'unstated',
  capture: 'unstated',
  looseEnds: [],
  at: { file: 'context/here/Deployment', path: '', line: 1 },
});

const cell = (caller: string): Cell => ({
  caller: {
    workload: workload(caller),
    identity: `spiffe://shop.local/ns/shop/sa/${caller}`,
    pod: { namespace: 'shop', name: `${caller}-1`, ip: '10.0.0.9', containers: [caller], proxied: true },
    from: { namespace: 'shop', pod: `${caller}-1`, container: caller },
  },
  target: {
    namespace: 'shop',
    workload: 'cart',
    port: 50051,
    protocol: 'grpc',
    host: 'cart.shop.svc.cluster.local',
    servicePort: 50051,
    http: { method: 'POST', path: '/cart.v1.Cart/Add' },
    user: null,
  },
  token: 'none',
});

const decided = {
  id: '1',
  verdict: 'deny',
  layer: 'authorization-policy',
  policy: null,
  rule: null,
  status: null,
  because: '',
  assumptions: [],
} as const;

const held: ProbedCell = {
  cell: cell('web'),
  result: { kind: 'answered', http: 403, grpc: 7, headers: {}, body: '', complete: true },
  observed: { cause: 'rbac', because: 'the answer', policy: 'shop/cart' },
  expected: { decided, stoppedBy: ['allow'], declared: false },
  judgement: { kind: 'holds' },
};

const differing: ProbedCell = {
  ...held,
  cell: cell('stranger'),
  observed: { cause: 'application', because: 'the code of `cart` answered', policy: null },
  judgement: { kind: 'differs', because: 'reached the callee, and nobody declared it <&>' },
};

const way: ProbedWay = {
  caller: 'shop/web',
  way: {
    name: 'the API server',
    kind: 'api-server',
    callee: null,
    probe: () => {
      throw new Error('not probed again');
    },
  },
  result: { kind: 'failed', stage: 'answer', code: 'CLOSED', message: 'the connection was closed' },
  observed: { cause: 'egress', because: 'outside the registry', policy: null },
  judgement: { kind: 'holds' },
};

const report: ProbeReport = {
  context: 'here',
  startedAt: '2026-11-27T12:00:00.000Z',
  seconds: 1.5,
  intentChecked: true,
  cells: [held, differing],
  ways: [way],
  notProbed: [{ workload: 'shop/proxyless', because: 'no pod of it is ready' }],
  leftOut: ['kube-system'],
};

describe('the report of probes', () => {
  test('as text tells each caller, what differs, what was not probed, and the counts', () => {
    expect(probeText(report).split('\n')).toEqual([
      'shop/web       1 calls: rbac 1',
      'shop/stranger  1 calls: reached 1',
      'api-server: 1 ways tried: egress 1',
      'differs   shop/stranger -> cart POST /cart.v1.Cart/Add',
      '  reached the callee, and nobody declared it <&>',
      '  answer: HTTP 403, gRPC 7',
      'not probed: shop/proxyless: no pod of it is ready',
      'outside the mesh, not looked at: kube-system',
      "3 probes against the cluster's objects and the intent: 2 hold, 1 differ, 0 undecided (1.5 s)",
      '',
    ]);
  });

  test('as JSON keeps to its schema', () => {
    const schema = new URL('../../../../../policies/cli/schemas/probe.schema.json', import.meta.url);
    const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
      JSON.parse(readFileSync(schema, 'utf8')),
    );
    const json = JSON.parse(probeJson(report));
    expect(validate(json), JSON.stringify(validate.errors)).toBe(true);
    expect(json).toMatchObject({ version: 1, counts: { holds: 2, differs: 1, undecided: 0 } });
    expect(validate({ ...json, cells: [{}] })).toBe(false);
  });

  test('tells what became of the requests of a file, instead of calls and ways', () => {
    const { cell: _, ...judged } = differing;
    const own = { name: 'probe-1: shop/web -> shop/cart:50051 bytes', id: 'probe-1', caller: 'shop/web', request: {} };
    const chosen: ProbeReport = { ...report, cells: [], ways: [], chosen: [{ ...own, ...judged }] };
    expect(probeText(chosen)).toContain(
      'shop/web  1 calls: reached 1\ndiffers   probe-1: shop/web -> shop/cart:50051 bytes',
    );
    expect(probeJunit(chosen)).toContain('<testsuite name="requests" tests="1" failures="1"');
    const schema = new URL('../../../../../policies/cli/schemas/probe.schema.json', import.meta.url);
    const validate = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(readFileSync(schema, 'utf8')));
    expect(validate(JSON.parse(probeJson(chosen))), JSON.stringify(validate.errors)).toBe(true);
  });

  test('as JUnit fails what differs and skips what was not probed', () => {
    const xml = probeJunit(report);
    expect(xml).toContain('<testsuites name="meshwright probe" tests="4" failures="1" skipped="1">');
    expect(xml).toContain(
      '<failure type="differs" message="reached the callee, and nobody declared it &lt;&amp;&gt;"/>',
    );
    expect(xml).toContain('<skipped message="no pod of it is ready"/>');
  });
});
