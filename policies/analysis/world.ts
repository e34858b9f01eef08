/** What a decision depends on besides the request, and the request resolved against it. */
import type { Mesh, NetworkPolicy, Workload } from '../language/mesh.ts';
import { assumptionsOf, injectionAssumptions } from './assumptions.ts';
import type { Transport } from './connection.ts';
import { type EnforcementPoint, enforcementAt } from './enforcement-point.ts';
import type { Listener } from './listener.ts';
import { type Departure, depart, wirePort } from './outbound.ts';
import type { Profile } from './profile.ts';
import type { Pod, Request, WorkloadReference } from './request.ts';
import { listenerFor } from './routing/listener-for.ts';
import type { IssuerKeys } from './token.ts';
import { type DecidingRule, type Verdict, type VerdictCode, verdict } from './verdict.ts';

/** The mesh, the semantics, and what is known about issuers' keys. */
export interface World {
  readonly mesh: Mesh;
  readonly profile: Profile;
  readonly issuerKeys: IssuerKeys;
}

/** One request with both ends resolved. */
export interface Call {
  readonly world: World;
  readonly request: Request;
  readonly target: Workload;
  /** Null when the caller is not given as a workload. */
  readonly source: Workload | null;
  readonly listener: Listener;
  readonly departure: Departure;
  readonly point: EnforcementPoint;
  /** The assumptions of both ends. */
  readonly assumptions: readonly string[];
  /** In words, which waypoint the call goes through; '' for none. */
  readonly via: string;
}

/** The workload of that name; throws when there is none, which `Decider.check` rules out first. */
export function findWorkload(mesh: Mesh, reference: WorkloadReference): Workload {
  const found = tryFindWorkload(mesh, reference);
  if (found === undefined)
    throw new Error(`workload \`${reference.namespace}/${reference.workload}\` is not part of the mesh`);
  return found;
}

/** The workload of that name, undefined when there is none. */
export function tryFindWorkload(mesh: Mesh, { namespace, workload }: WorkloadReference): Workload | undefined {
  return mesh.workloads.find((known) => known.namespace === namespace && known.name === workload);
}

/** A pod that manifests do not hold, as the workload that it is. */
export function podWorkload({ namespace, workload, labels, sidecar }: Pod): Workload {
  return {
    kind: 'Pod',
    namespace,
    name: workload,
    labels,
    ownPods: { labels, expressions: [] },
    annotations: {},
    serviceAccount: 'default',
    ports: [],
    injection: sidecar === 'asNamespaceSays' ? 'unstated' : 'off',
    proxy: 'unstated',
    capture: 'unstated',
    looseEnds: [],
    at: { file: 'request', path: 'pods', line: 1 },
  };
}

/** The world with pods that its manifests do not hold. */
export function withPods(world: World, pods: readonly Pod[]): World {
  return { ...world, mesh: { ...world.mesh, workloads: [...world.mesh.workloads, ...pods.map(podWorkload)] } };
}

/** Resolves both ends of a request. */
export function resolveCall(world: World, request: Request): Call {
  const target = findWorkload(world.mesh, request.destination);
  const port = request.destination.port;
  const listener = listenerFor(world.mesh, target, request);
  const source = request.caller.kind === 'workload' ? findWorkload(world.mesh, request.caller.reference) : null;
  const departure =
    source === null ? stated(request, listener) : depart(world.mesh, source, { workload: target, port, listener });
  const assumptions = [
    ...assumptionsOf(world.mesh, target),
    ...(source === null ? [] : injectionAssumptions(world.mesh, source)),
  ];
  const point = enforcementAt(world.mesh, target, world.profile);
  return { world, request, target, source, listener, departure, point, assumptions, via: '' };
}

/** What a caller sends who is no workload. */
function stated({ caller, destination: { port } }: Request, listener: Listener): Departure {
  const transport: Transport = caller.kind === 'mtls' ? caller : { kind: 'plaintext' };
  return { kind: 'sends', transport, by: 'noSidecar', port: wirePort(transport, { port, listener }) };
}

/** Ends a decision. */
export function end(
  call: Call,
  code: VerdictCode,
  more: { readonly rule?: DecidingRule; readonly detail?: string } = {},
): Verdict {
  const detail = [more.detail ?? '', call.via].filter((text) => text !== '').join(', ');
  return verdict(code, { ...more, detail, assumptions: call.assumptions, answers: answersOf(call) });
}

/** A proxy answers HTTP calls only, and only on ports that it takes for HTTP. */
function answersOf({ request, listener }: Call): 'http' | 'nothing' {
  const isTcp = listener.kind !== 'unguarded' && listener.protocol === 'tcp';
  return request.http !== null && !isTcp ? 'http' : 'nothing';
}

/** The ending of a call that NetworkPolicies drop: the first isolating policy is named, all of them are listed. */
export function isolatedBy(policies: readonly NetworkPolicy[]): {
  readonly rule?: DecidingRule;
  readonly detail: string;
} {
  const detail = `isolated by ${policies.map(({ namespace, name }) => `\`${namespace}/${name}\``).join(', ')}`;
  const first = policies[0];
  return first === undefined ? { detail } : { rule: { number: -1, policy: first, index: null, at: first.at }, detail };
}
