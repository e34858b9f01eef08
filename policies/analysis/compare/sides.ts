/** One workload in two versions of a mesh. */
import type { Workload } from '../../language/mesh.ts';
import { NEVER } from '../symbolic/formula.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { NO_TOKENS } from '../symbolic/token.ts';
import type { CallerSide } from './callers.ts';
import { portsOf } from './destinations.ts';
import { isProxysOwn } from './network-only.ts';
import type { PreparedMesh, PreparedWorkload } from './prepared.ts';

/** A workload of that name before and after; undefined in a version that does not have it. */
export interface Pair {
  readonly name: string;
  readonly before: PreparedMesh;
  readonly after: PreparedMesh;
  readonly was: PreparedWorkload | undefined;
  readonly is: PreparedWorkload | undefined;
}

/** A port and how it is called: `other` stands for the ports that nothing names. */
export interface PortLabel {
  readonly port: number;
  readonly label: number | 'other';
}

/** Every port that one of the versions names, and one that none does. */
export function allPorts({ was, is, before, after }: Pair): readonly PortLabel[] {
  const named = [
    { version: before, found: was },
    { version: after, found: is },
  ].map(({ version, found }) =>
    found === undefined ? [] : portsOf(version.index.slice(found.workload.namespace), found.workload, []).named,
  );
  const ports = [...new Set(named.flat())].toSorted((left, right) => left - right);
  let other = 65_000;
  while (ports.includes(other)) other -= 1;
  return [...ports.map((port) => ({ port, label: port })), { port: other, label: 'other' as const }];
}

/** A workload that is not there allows nothing; none for ports of the proxy itself, which rules say nothing about. */
export function sideOf(version: PreparedMesh, name: string, port: number): readonly CallerSide[] {
  const { index, identities, profile } = version;
  const found = version.workloads.get(name);
  if (found === undefined) return [{ index, identities, decision: NOT_THERE, workload: ABSENT }];
  const { workload } = found;
  const world = { mesh: index.around(workload), profile, issuerKeys: new Map() };
  const decision = decideAtProxy({ world, workload, port, ip: null });
  if (isProxysOwn(decision.listener)) return [];
  return [{ index, identities, decision, workload }];
}

const NOT_THERE: ProxyDecision = {
  allowed: NEVER,
  unhelped: NEVER,
  rules: [],
  listener: { kind: 'unguarded', whose: 'application', because: 'the workload is not part of the mesh' },
  token: NO_TOKENS,
  assumptions: [],
};

/** Stands for a workload in the version that does not have it. */
export const ABSENT: Workload = {
  kind: 'Pod',
  namespace: '',
  name: '',
  labels: {},
  ownPods: { labels: {}, expressions: [] },
  annotations: {},
  serviceAccount: '',
  ports: [],
  injection: 'off',
  proxy: 'unstated',
  capture: 'unstated',
  looseEnds: [],
  at: { file: '', path: '', line: 1 },
};
