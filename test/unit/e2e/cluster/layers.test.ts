import { describe, expect, test } from 'vitest';
import type { Cell } from '#policies/cli/live/cell.ts';
import type { Cause } from '#policies/cli/live/classify.ts';
import type { ProbedCell } from '#policies/cli/live/probe-report.ts';
import { depths, layersSeen } from '../../../e2e/cluster/layers.ts';
import type { Phase, PhaseName } from '../../../e2e/cluster/phases.ts';
import { seedSentence } from '../../../e2e/cluster/seed.ts';

const cellOf = (namespace: string, caller: string, path: string): Cell => ({
  caller: {
    workload: {
      kind: 'Deployment',
      namespace,
      name: caller,
      labels: {},
      ownPods: { labels: {}, expressions: [] },
      annotations: {},
      serviceAccount: caller,
      ports: [],
      injection: 'on',
      proxy: 'unstated',
      capture: 'unstated',
      looseEnds: [],
      at: { file: '', path: '', line: 1 },
    },
    identity: `spiffe://trading.local/ns/${namespace}/sa/${caller}`,
    pod: { namespace, name: `${caller}-1`, ip: '10.0.0.1', containers: [], proxied: true },
    from: { namespace, pod: `${caller}-1`, container: caller },
  },
  target: {
    namespace: 'trading',
    workload: 'execution',
    port: 50053,
    protocol: 'grpc',
    host: 'execution.trading.svc.cluster.local',
    servicePort: 50053,
    http: { method: 'POST', path },
    user: null,
  },
  token: 'none',
});

const submit = '/trading.execution.v1.ExecutionService/SubmitTrade';
const decided = {
  id: '1',
  verdict: 'deny',
  layer: 'none',
  policy: null,
  rule: null,
  status: null,
  because: '',
  assumptions: [],
} as const;

const probed = (cell: Cell, cause: Cause): ProbedCell => ({
  cell,
  result: { kind: 'answered', http: 403, grpc: 7, headers: {}, body: '', complete: true },
  observed: { cause, because: 'seen', policy: null },
  expected: { decided, stoppedBy: [], declared: null },
  judgement: { kind: 'holds' },
});

const phase = (name: PhaseName, ...cells: readonly ProbedCell[]): Phase => ({ name, cells, seconds: 1 });

const risk = cellOf('trading', 'risk', submit);
const riskAnywhere = cellOf('trading', 'risk', '/trading.execution.v1.ExecutionService/NoSuchMethod');
const order = cellOf('trading', 'order', submit);

describe('the layers that were seen', () => {
  const phases = [
    phase('as deployed', probed(risk, 'egress'), probed(order, 'application')),
    phase('policies alone', probed(risk, 'rbac')),
    phase('network policy of the callee', probed(riskAnywhere, 'network-policy')),
    phase('network policy of the caller', probed(riskAnywhere, 'network-policy')),
  ];

  test('are those of every phase; network policies count for every call of the pair', () => {
    expect(layersSeen(phases)).toEqual([
      {
        cell: risk,
        layers: [
          'authorization policy',
          'egress scope of the caller',
          'network policy of the callee',
          'network policy of the caller',
        ],
      },
    ]);
  });

  test('are counted by depth', () => {
    expect(depths(layersSeen(phases))).toEqual({ 4: 1 });
  });

  test('do not count one network policy twice', () => {
    const seen = layersSeen([
      phase('as deployed', probed(risk, 'network-policy')),
      phase('policies alone', probed(risk, 'rbac')),
      phase('network policy of the callee', probed(riskAnywhere, 'network-policy')),
    ]);
    expect(seen[0]?.layers).toEqual(['authorization policy', 'network policy of the callee']);
  });

  test('are none for a call without a cause', () => {
    expect(layersSeen([phase('as deployed', probed(risk, 'unclear'))])).toEqual([]);
  });
});

describe('the seed sentence', () => {
  test('holds for whom it lets in and whom it refuses by name', () => {
    const deployed = phase('as deployed', probed(risk, 'egress'), probed(order, 'application'));
    const lines = seedSentence(deployed, layersSeen([deployed]));
    const of = (caller: string) => lines.find((line) => line.caller === caller);
    expect(of('trading/order')).toMatchObject({ outcome: 'let in', holds: true });
    expect(of('trading/risk')).toMatchObject({
      outcome: 'refused',
      holds: true,
      layers: ['egress scope of the caller'],
    });
    expect(of('edge/gateway'), 'nobody asked as the gateway').toMatchObject({ outcome: 'not asked', holds: false });
  });

  test('does not hold when another is let in, or `order` is not', () => {
    const deployed = phase('as deployed', probed(risk, 'application'), probed(order, 'rbac'));
    const lines = seedSentence(deployed, layersSeen([deployed]));
    const failing = lines.filter(({ caller, holds }) => !holds && ['trading/order', 'trading/risk'].includes(caller));
    expect(failing).toHaveLength(2);
  });
});
