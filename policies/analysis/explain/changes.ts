/** Changes that would let a refused call through, each confirmed by deciding again, with what else they let through. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { type ParseOptions, parseMesh } from '../../language/parse.ts';
import { concerning } from '../ambient/waypoints.ts';
import { selects } from '../attachment.ts';
import { compile, type Decider } from '../compile.ts';
import { shownBy } from '../connection.ts';
import { workloadIdentity } from '../identity.ts';
import type { Request } from '../request.ts';
import { portsOf } from '../workload-ports.ts';
import { applyEdits } from './edit.ts';
import type { Change, Edit, Opened } from './explanation.ts';
import { type Repair, repair } from './layer-edits.ts';
import type { HopLayer } from './layers.ts';
import type { Situation } from './situation.ts';
import { callersOf, type KnownCaller, operationsOf } from './universe.ts';

/** Combinations of edits that are tried, and calls that are decided twice for each. */
const COMBINATIONS = 4;
const EXAMINED = 100_000;

/** For the situation of the call as it is asked, and the layers of the way that it takes: the confirmed changes, smallest first, and advice where the manifests cannot help. */
export function changesOf(
  situation: Situation,
  layers: readonly HopLayer[],
  options: ParseOptions,
): { readonly changes: readonly Change[]; readonly advice: readonly string[] } {
  const repairs = layers
    .filter(({ layer }) => layer.outcome === 'stops')
    .map(({ situation: hop, layer }) => repair(hop, layer.layer));
  const helpless = repairs.filter(({ alternatives }) => alternatives.length === 0);
  if (helpless.length > 0 || repairs.length === 0) return { changes: [], advice: helpless.map(({ advice }) => advice) };
  const { mesh, profile, issuerKeys } = situation.call.world;
  // one for all changes: what it has prepared for one serves the next
  const before = compile(mesh, profile, { issuerKeys });
  const changes = combinations(repairs).flatMap((edits) => confirm({ situation, before }, edits, options));
  const size = ({ edits, alsoAllows }: Change) => edits.length * EXAMINED + alsoAllows.length;
  return { changes: changes.toSorted((left, right) => size(left) - size(right)), advice: [] };
}

function combinations(repairs: readonly Repair[]): readonly (readonly Edit[])[] {
  let combined: readonly (readonly Edit[])[] = [[]];
  for (const { alternatives } of repairs) {
    combined = combined.flatMap((before) => alternatives.map((edits) => [...before, ...edits])).slice(0, COMBINATIONS);
  }
  return combined;
}

/** The call that is explained, and the decisions of the mesh as it is. */
interface Explained {
  readonly situation: Situation;
  readonly before: Decider;
}

/** The change, if the call is allowed once it is made. */
function confirm(explained: Explained, edits: readonly Edit[], options: ParseOptions): readonly Change[] {
  const { situation } = explained;
  const { world, request } = situation.call;
  const after = parseMesh(applyEdits(situation.documents, edits), options);
  if (!after.ok) return [];
  const decider = compile(after.value, world.profile, { issuerKeys: world.issuerKeys });
  if (!decider.decide(request).allowed) return [];
  return [{ edits, ...consequences(explained, { mesh: after.value, decider }, edits) }];
}

function consequences(
  { situation, before }: Explained,
  { mesh, decider: after }: { readonly mesh: Mesh; readonly decider: Decider },
  edits: readonly Edit[],
): Omit<Change, 'edits'> {
  const opened: Opened[] = [];
  let examined = 0;
  for (const { known, request: asked } of universe(situation, mesh, edits)) {
    if (examined >= EXAMINED) return { alsoAllows: opened, examined, complete: false };
    examined += 1;
    if (isSame(situation, known, asked) || !after.decide(asked).allowed || before.decide(asked).allowed) continue;
    opened.push(describe(known, asked));
  }
  return { alsoAllows: opened, examined, complete: true };
}

interface Asked {
  readonly known: KnownCaller;
  readonly request: Request;
}

function* universe({ call }: Situation, mesh: Mesh, edits: readonly Edit[]): Generator<Asked> {
  const { request, target } = call;
  const callers = callersOf(mesh);
  for (const workload of affected(mesh, target, edits)) {
    const ports =
      workload === target
        ? [...new Set([...portsOf(mesh, workload), request.destination.port])]
        : portsOf(mesh, workload);
    for (const operation of operationsOf(mesh, workload, request))
      for (const port of ports)
        for (const known of callers) {
          const own = isCaller(call, known);
          const { sourceIp, remoteIp } = own ? request : { sourceIp: null, remoteIp: null };
          const destination = {
            namespace: workload.namespace,
            workload: workload.name,
            port,
            ip: request.destination.ip,
          };
          const http = operation === null || request.http === null ? null : { ...request.http, ...operation };
          yield { known, request: { ...request, caller: known.caller, sourceIp, remoteIp, destination, http } };
        }
  }
}

/** The workloads that an edited object applies to; edits of the caller's side concern the destination alone. */
function affected(mesh: Mesh, target: Workload, edits: readonly Edit[]): readonly Workload[] {
  const edited = (kind: string) => (object: { readonly namespace: string; readonly name: string }) =>
    edits.some(
      (each) =>
        each.object.kind === kind && each.object.namespace === object.namespace && each.object.name === object.name,
    );
  const policies = mesh.authorizationPolicies.filter(edited('AuthorizationPolicy'));
  const networks = mesh.networkPolicies.filter(edited('NetworkPolicy'));
  return mesh.workloads.filter(
    (workload) =>
      isNamed(workload, target) ||
      concerning(policies, mesh, workload).length > 0 ||
      networks.some(
        ({ namespace, podSelector }) => namespace === workload.namespace && selects(podSelector, workload.labels),
      ),
  );
}

const isNamed = (left: Workload, right: Workload) => left.namespace === right.namespace && left.name === right.name;

function isCaller({ request, world }: Situation['call'], { caller }: KnownCaller): boolean {
  if (request.caller.kind === 'plaintext' || caller.kind === 'plaintext') return request.caller.kind === caller.kind;
  const identities = (each: KnownCaller['caller']) => {
    if (each.kind === 'mtls') return shownBy(each);
    const found =
      each.kind === 'workload'
        ? world.mesh.workloads.find(
            ({ namespace, name }) => namespace === each.reference.namespace && name === each.reference.workload,
          )
        : undefined;
    return found === undefined ? [] : [workloadIdentity(world.mesh, found)];
  };
  const own = identities(request.caller);
  return identities(caller).every((identity) => own.includes(identity));
}

/** True iff the call is the one that is being explained. */
function isSame({ call }: Situation, known: KnownCaller, asked: Request): boolean {
  const { destination, http } = call.request;
  return (
    isCaller(call, known) &&
    asked.destination.namespace === destination.namespace &&
    asked.destination.workload === destination.workload &&
    asked.destination.port === destination.port &&
    asked.http?.method === http?.method &&
    asked.http?.path === http?.path
  );
}

function describe({ name }: KnownCaller, { destination, http }: Request): Opened {
  return {
    caller: name,
    destination: `${destination.namespace}/${destination.workload}`,
    port: destination.port,
    method: http?.method ?? null,
    path: http?.path ?? null,
  };
}
