/** What a change grants and takes away: the common refinement of two versions of a mesh. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import { NEVER } from '../symbolic/formula.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { NO_TOKENS } from '../symbolic/token.ts';
import { type CallerCalls, type CallerSide, Callers } from './callers.ts';
import { type CallClass, callsOf } from './calls.ts';
import { isGateway, MeshIndex, portsOf } from './destinations.ts';
import { identitiesOf, type ReachGrant } from './reach.ts';

/** One class of calls and what became of it; `changed` calls are allowed in both versions under other conditions. */
export interface GrantChange {
  readonly change: 'added' | 'removed' | 'changed' | 'unchanged';
  readonly grant: ReachGrant;
  /** Only where `changed`: what must hold of the calls that were added, and of those that were removed. */
  readonly added: readonly string[] | null;
  readonly removed: readonly string[] | null;
}

/** The difference of two meshes. */
export interface MeshDifference {
  readonly changes: readonly GrantChange[];
  /** Ports whose mTLS mode became weaker, in words. */
  readonly weakened: readonly string[];
  readonly unknown: readonly string[];
}

/** Compares two versions of a mesh port by port. */
export function diff(before: Mesh, after: Mesh, profile: Profile): MeshDifference {
  const versions = [before, after].map((mesh) => ({
    mesh,
    index: new MeshIndex(mesh),
    identities: identitiesOf(mesh),
  }));
  const names = new Set(
    [before, after].flatMap(({ workloads }) => workloads.map(({ namespace, name }) => `${namespace}/${name}`)),
  );
  const changes: GrantChange[] = [];
  const weakened: string[] = [];
  const unknown: string[] = [];
  for (const name of [...names].toSorted()) {
    const targets = versions.map((version) => ({
      ...version,
      workload: version.mesh.workloads.find((each) => `${each.namespace}/${each.name}` === name),
    }));
    for (const { port, label } of allPorts(targets)) {
      const sides = targets.flatMap((target) => sideOf(target, port, profile));
      if (sides.length !== 2) continue;
      weakened.push(...weakening(name, label, sides));
      try {
        changes.push(...changesAt(sides, { port, label, profile }));
      } catch (error) {
        if (!(error instanceof BudgetExceeded)) throw error;
        unknown.push(`\`${name}\` port ${label}: ${error.message}`);
      }
    }
  }
  return { changes, weakened, unknown };
}

interface Target {
  readonly mesh: Mesh;
  readonly index: MeshIndex;
  readonly identities: ReadonlyMap<string, readonly Workload[]>;
  readonly workload: Workload | undefined;
}

function allPorts(targets: readonly Target[]): readonly { readonly port: number; readonly label: number | 'other' }[] {
  const named = targets.map(({ index, workload }) =>
    workload === undefined ? [] : portsOf(index.slice(workload.namespace), workload, []).named,
  );
  const ports = [...new Set(named.flat())].toSorted((left, right) => left - right);
  let other = 65_000;
  while (ports.includes(other)) other -= 1;
  return [...ports.map((port) => ({ port, label: port })), { port: other, label: 'other' as const }];
}

/** A workload that is not there allows nothing. */
function sideOf({ mesh, index, identities, workload }: Target, port: number, profile: Profile): readonly CallerSide[] {
  if (workload === undefined) {
    const decision: ProxyDecision = {
      allowed: NEVER,
      listener: { kind: 'unguarded', because: 'the workload is not part of the mesh' },
      token: NO_TOKENS,
      assumptions: [],
    };
    return [{ index, identities, decision, workload: ABSENT }];
  }
  const world = { mesh: index.slice(workload.namespace), profile, issuerKeys: new Map() };
  const decision = decideAtProxy({ world, workload, port, ip: null });
  if (decision.listener.kind === 'unguarded' && isGateway(mesh, workload)) return [];
  return [{ index, identities, decision, workload }];
}

const ABSENT: Workload = {
  kind: 'Pod',
  namespace: '',
  name: '',
  labels: {},
  annotations: {},
  serviceAccount: '',
  ports: [],
  injection: 'off',
  at: { file: '', path: '', line: 1 },
};

function weakening(name: string, label: number | 'other', sides: readonly CallerSide[]): readonly string[] {
  const ranks = ['STRICT', 'PERMISSIVE', 'DISABLE'];
  const modes = sides.map(({ decision }) => (decision.listener.kind === 'sidecar' ? decision.listener.mode : 'none'));
  const [was = 'none', is = 'none'] = modes;
  const weaker = ranks.includes(was) && ranks.includes(is) && ranks.indexOf(is) > ranks.indexOf(was);
  return weaker ? [`\`${name}\` port ${label}: mTLS mode ${was} became ${is}`] : [];
}

function changesAt(
  sides: readonly CallerSide[],
  place: { readonly port: number; readonly label: number | 'other'; readonly profile: Profile },
): readonly GrantChange[] {
  const callers = new Callers(sides, place);
  const workload = sides.find((side) => side.workload !== ABSENT)?.workload ?? ABSENT;
  const destination = { namespace: workload.namespace, workload: workload.name, port: place.label };
  return callers.list().flatMap((caller) => changesOf(callers, caller, { sides, destination }));
}

function changesOf(
  callers: Callers,
  { source, nodes: [was = 0, is = 0] }: CallerCalls,
  { sides, destination }: { readonly sides: readonly CallerSide[]; readonly destination: ReachGrant['destination'] },
): readonly GrantChange[] {
  const { diagrams } = callers.universe;
  const list = (node: Node, version: number) =>
    callsOf(callers.universe, node, sides[version]?.decision.token ?? NO_TOKENS);
  const parts = {
    added: byCall(list(diagrams.minus(is, was), 1)),
    removed: byCall(list(diagrams.minus(was, is), 0)),
    kept: byCall(list(diagrams.and(was, is), 1)),
  };
  const keys = [...new Set([...parts.kept.keys(), ...parts.added.keys(), ...parts.removed.keys()])].toSorted();
  return keys.flatMap((key) => {
    const [added, removed, kept] = [parts.added.get(key), parts.removed.get(key), parts.kept.get(key)];
    const call = kept ?? added ?? removed;
    if (call === undefined) return [];
    const both = [added, removed, kept].filter((part) => part !== undefined).length > 1;
    const change = both ? 'changed' : added !== undefined ? 'added' : removed !== undefined ? 'removed' : 'unchanged';
    const { http, exact, conditions } = call;
    return [
      {
        change,
        grant: { source, destination, http, exact, conditions },
        added: both ? (added?.conditions ?? null) : null,
        removed: both ? (removed?.conditions ?? null) : null,
      } as const,
    ];
  });
}

function byCall(calls: readonly CallClass[]): ReadonlyMap<string, CallClass> {
  return new Map(calls.map((call) => [call.http === null ? 'bytes' : `${call.http.method} ${call.http.path}`, call]));
}
