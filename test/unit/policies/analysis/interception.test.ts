import { describe, expect, test } from 'vitest';
import { PROFILES } from '#policies/analysis/index.ts';
import { resolveListener } from '#policies/analysis/listener.ts';
import { decideAtProxy } from '#policies/analysis/symbolic/proxy.ts';
import { decideOn, meshOf, networkingYaml, securityYaml, workloadYaml } from '../../../support/small-mesh.ts';

const STRICT = securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode: 'STRICT' } });
const NOTHING = securityYaml('AuthorizationPolicy', 'a', {});
const EXCLUDE = 'traffic.sidecar.istio.io/excludeInboundPorts';
const INCLUDE = 'traffic.sidecar.istio.io/includeInboundPorts';

/** The workload `a/x` behind STRICT and an ALLOW without rules, its pods annotated. */
function annotated(annotations: Readonly<Record<string, string>>, ...more: readonly string[]) {
  const pod = workloadYaml('a', 'x').replace(
    'metadata: {labels: {app: x, sidecar',
    `metadata: {annotations: ${JSON.stringify(annotations)}, labels: {app: x, sidecar`,
  );
  return meshOf(pod, workloadYaml('a', 'y'), STRICT, NOTHING, ...more);
}

const rows: readonly {
  readonly title: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly open: readonly number[];
  readonly guarded: readonly number[];
}[] = [
  {
    title: "without a word, all ports but the proxy's own",
    annotations: {},
    open: [15_008, 15_020, 15_021, 15_090],
    guarded: [80, 15_000, 15_001, 15_006, 15_019, 15_022, 65_000],
  },
  {
    title: 'excluded ports pass the proxy by, besides its own',
    annotations: { [EXCLUDE]: '80, 70' },
    open: [80, 70, 15_020, 15_021, 15_090],
    guarded: [90, 8080],
  },
  {
    title: 'a list of ports to include leaves all others out',
    annotations: { [INCLUDE]: '80,443' },
    open: [70, 65_000, 15_020, 15_008],
    guarded: [80, 443],
  },
  {
    title: "a list to include counts more than exclusions, even for the proxy's own status port",
    annotations: { [INCLUDE]: '80,15020,15008', [EXCLUDE]: '80' },
    open: [15_021, 15_090, 15_008],
    guarded: [80, 15_020],
  },
  { title: 'an asterisk includes all', annotations: { [INCLUDE]: '*', [EXCLUDE]: '70' }, open: [70], guarded: [80] },
  { title: 'an empty list includes nothing', annotations: { [INCLUDE]: '' }, open: [80, 15_020], guarded: [] },
  {
    title: 'a status port of its own is left out too',
    annotations: { 'status.sidecar.istio.io/port': '15044' },
    open: [15_044, 15_020, 15_090],
    guarded: [15_043],
  },
  {
    title: 'interception mode NONE redirects nothing',
    annotations: { 'sidecar.istio.io/interceptionMode': 'NONE' },
    open: [80, 15_020],
    guarded: [],
  },
];

describe('the ports that a sidecar intercepts', () => {
  test.for(rows)('$title', ({ annotations, open, guarded }) => {
    const mesh = annotated(annotations);
    const verdicts = (ports: readonly number[]) =>
      ports.map((port) => decideOn(mesh, { destination: { port } }).verdict);
    expect(verdicts(open)).toEqual(open.map(() => 'allow'));
    expect(verdicts(guarded)).toEqual(guarded.map(() => 'deny'));
    const [workload] = mesh.workloads;
    if (workload === undefined) throw new Error('the mesh has no workload');
    const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
    const symbolic = (port: number) => decideAtProxy({ world, workload, port, ip: null }).allowed.kind;
    expect(open.map(symbolic)).toEqual(open.map(() => 'always'));
    expect(guarded.map(symbolic)).not.toContain('always');
  });

  test('tells whose port it is', () => {
    const mesh = annotated({ [EXCLUDE]: '70' });
    const [workload] = mesh.workloads;
    const listeners = [15_020, 70].map((port) => workload && resolveListener(mesh, workload, port));
    expect(listeners).toMatchObject([
      { kind: 'unguarded', whose: 'proxy', because: expect.stringContaining('only NetworkPolicy guards it') },
      { kind: 'unguarded', whose: 'application' },
    ]);
  });

  test('what leaves for the status port passes no sidecar, so that REGISTRY_ONLY stops nothing', () => {
    const guard = networkingYaml('Sidecar', 'a', {
      egress: [{ hosts: ['~/*'] }],
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
    });
    const call = (port: number) => ({ source: { workload: { namespace: 'a', name: 'y' } }, destination: { port } });
    const mesh = annotated({ [EXCLUDE]: '81' }, guard);
    expect(decideOn(mesh, call(15_020)).verdict).toBe('allow');
    expect(decideOn(mesh, call(81))).toMatchObject({ verdict: 'deny', layer: 'egress' });
  });

  test("NetworkPolicy still stands before the proxy's own ports", () => {
    const web = { podSelector: { matchLabels: { app: 'x' } }, ingress: [{ ports: [{ port: 80 }] }] };
    const mesh = annotated({}, networkingYaml('NetworkPolicy', 'a', web));
    const call = { source: { workload: { namespace: 'a', name: 'y' } }, destination: { port: 15_020 } };
    expect(decideOn(mesh, call)).toMatchObject({ verdict: 'deny', layer: 'network-policy' });
    expect(decideOn(annotated({}), call)).toMatchObject({ verdict: 'allow', layer: 'none' });
  });
});
