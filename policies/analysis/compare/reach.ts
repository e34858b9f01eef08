/** The exact relation of who can call what, all layers combined. */

import type { Mesh, Workload } from '../../language/mesh.ts';
import { assumptionsOf } from '../assumptions.ts';
import { workloadIdentity } from '../identity.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { Effort } from '../symbolic/effort.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { type CallerSide, Callers, type CallersPlace, type ReachSource } from './callers.ts';
import { type CallClass, callsOf } from './calls.ts';
import { MeshIndex, portsOf } from './destinations.ts';
import { type JointCalls, jointCalls, jointlyUnknown } from './joint-callers.ts';
import { isProxysOwn } from './network-only.ts';
import { type OpenPorts, openPorts } from './open-ports.ts';

/** One class of calls that is allowed. `port` is `other` for the ports that nothing names. */
export interface ReachGrant {
  readonly source: ReachSource;
  readonly destination: { readonly namespace: string; readonly workload: string; readonly port: number | 'other' };
  readonly http: CallClass['http'];
  /** Whether method and path are exact values rather than patterns. */
  readonly exact: boolean;
  readonly conditions: readonly string[];
}

/** What can be reached, and what could not be decided. */
export interface Reach {
  readonly grants: readonly ReachGrant[];
  /** Ports of proxies themselves: not among the grants, since no rule and no handshake says who may use them. */
  readonly openPorts: readonly OpenPorts[];
  readonly assumptions: readonly string[];
  readonly unknown: readonly string[];
}

/** How a mesh is listed. */
export interface ReachOptions extends Omit<CallersPlace, 'port' | 'effort'> {
  /** Called after each workload. */
  readonly progress?: () => void;
}

/** Lists every allowed call of a mesh. */
export function reach(mesh: Mesh, options: ReachOptions): Reach {
  const index = new MeshIndex(mesh);
  const identities = identitiesOf(mesh);
  const effort = new Effort();
  const grants: ReachGrant[] = [];
  const open: OpenPorts[] = [];
  const assumptions = new Set<string>();
  const unknown: string[] = [];
  for (const workload of mesh.workloads) {
    const slice = index.slice(workload.namespace);
    for (const found of openPorts(slice, workload)) open.push(found);
    for (const assumption of assumptionsOf(slice, workload)) assumptions.add(assumption);
    const ports = portsOf(slice, workload, []);
    for (const port of [...ports.named, ports.other]) {
      const world = { mesh: slice, profile: options.profile, issuerKeys: new Map() };
      const decision = decideAtProxy({ world, workload, port, ip: null });
      if (isProxysOwn(decision.listener)) continue;
      for (const assumption of decision.assumptions) assumptions.add(assumption);
      const label = port === ports.other ? ('other' as const) : port;
      try {
        const found = grantsAt(
          { workload, port, label, decision },
          { index, identities, options: { ...options, effort } },
        );
        for (const grant of found) grants.push(grant);
      } catch (error) {
        if (!(error instanceof BudgetExceeded)) throw error;
        unknown.push(`\`${workload.namespace}/${workload.name}\` port ${label}: ${error.message}`);
        continue;
      }
      try {
        const side = { index, workload, decision, identities };
        const joint = jointCalls([side], { ...options, port, effort });
        if (joint !== undefined)
          for (const grant of grantsOf({ workload, port, label, decision }, joint)) grants.push(grant);
      } catch (error) {
        if (!(error instanceof BudgetExceeded)) throw error;
        unknown.push(jointlyUnknown(`${workload.namespace}/${workload.name}`, label, error));
      }
    }
    options.progress?.();
  }
  return { grants, openPorts: open, assumptions: [...assumptions].toSorted(), unknown };
}

/** The workloads behind each identity of the mesh. */
export function identitiesOf(mesh: Mesh): ReadonlyMap<string, readonly Workload[]> {
  return Map.groupBy(mesh.workloads, (workload) => workloadIdentity(mesh, workload));
}

interface ReachPlace {
  readonly workload: Workload;
  readonly port: number;
  readonly label: number | 'other';
  readonly decision: ProxyDecision;
}

function grantsAt(
  { workload, port, label, decision }: ReachPlace,
  known: {
    readonly index: MeshIndex;
    readonly identities: ReadonlyMap<string, readonly Workload[]>;
    readonly options: Omit<CallersPlace, 'port'>;
  },
): readonly ReachGrant[] {
  const side: CallerSide = { index: known.index, workload, decision, identities: known.identities };
  const callers = new Callers([side], { ...known.options, port });
  return grantsOf({ workload, port, label, decision }, { universe: callers.universe, callers: callers.list() });
}

function grantsOf({ workload, label, decision }: ReachPlace, { universe, callers }: JointCalls): readonly ReachGrant[] {
  const calls = new Map<Node, readonly CallClass[]>();
  return callers.flatMap(({ source, nodes: [node = universe.diagrams.never] }) => {
    const found = calls.get(node) ?? callsOf(universe, node, decision.token);
    calls.set(node, found);
    return found.map(({ http, exact, conditions }) => ({
      source,
      destination: { namespace: workload.namespace, workload: workload.name, port: label },
      http,
      exact,
      conditions,
    }));
  });
}
