/** Defence in depth per call: a call that is still stopped, by fewer layers than before. */
import type { Workload } from '../../../language/mesh.ts';
import { workloadIdentity } from '../../identity.ts';
import { admits, isolating } from '../../network.ts';
import { depart } from '../../outbound.ts';
import type { Node } from '../../symbolic/diagram.ts';
import type { CallerSide } from '../callers.ts';
import type { PreparedWorkload } from '../prepared.ts';
import type { Pair } from '../sides.ts';
import { wayBetween } from '../way.ts';
import type { PortVersions } from './layers.ts';
import { listed, type Weakening, weakening } from './weakening.ts';

/** The layers that can stop all calls of one workload to a port. */
const LAYERS = [
  'source-network-policy',
  'egress-guard',
  'destination-network-policy',
  'peer-authentication',
  'authorization-policy',
] as const;
type Layer = (typeof LAYERS)[number];

/** Callers that fewer layers stop than before, by the layers that are lost and left. */
export function lostDefence(pair: Pair, versions: PortVersions): readonly Weakening[] {
  const groups = new Map<string, string[]>();
  for (const name of callersToLookAt(pair, versions)) {
    const [was, is] = [pair.before.workloads.get(name), pair.after.workloads.get(name)];
    if (was === undefined || is === undefined || name === pair.name) continue;
    const old = stoppers(versions, { caller: was, side: versions.was, version: 0 });
    const current = stoppers(versions, { caller: is, side: versions.is, version: 1 });
    const lost = old.filter((layer) => !current.includes(layer));
    if (lost.length === 0 || current.length === 0) continue;
    const key = `by ${old.join(' and ')}, are now by ${current.join(' and ')} alone`;
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups].map(([layers, names]) =>
    weakening('defence-in-depth', pair.name, `calls of ${listed(names.toSorted())} were stopped ${layers}`),
  );
}

/** Where only rules differ, the callers whom the rules let in anew; else every workload. */
function callersToLookAt(pair: Pair, versions: PortVersions): readonly string[] {
  const { before, after, was, is, name } = pair;
  const onlyRules =
    before.shared === after.shared &&
    was?.numbers.ingress === is?.numbers.ingress &&
    JSON.stringify(versions.was.decision.listener) === JSON.stringify(versions.is.decision.listener);
  if (!onlyRules) return versions.pairs.spend(after.workloads.size, name) ? [...after.workloads.keys()] : [];
  const { callers } = versions;
  const { never } = callers.universe.diagrams;
  const opened = callers.candidates().filter((identity) => {
    const [old = never, current = never] = callers.shownBy(identity);
    return old === never && current !== never;
  });
  return opened.flatMap((identity) =>
    (after.identities.get(identity) ?? []).map((caller) => `${caller.namespace}/${caller.name}`),
  );
}

interface Looked {
  readonly caller: PreparedWorkload;
  readonly side: CallerSide;
  readonly version: 0 | 1;
}

function stoppers({ port, callers }: PortVersions, { caller, side, version }: Looked): readonly Layer[] {
  const { workload: source } = caller;
  const { workload: target, index, decision } = side;
  const mesh = index.wayBetween(source.namespace, target.namespace);
  const departure = depart(mesh, source, { workload: target, port, listener: decision.listener });
  const wire = departure.kind === 'sends' ? departure.port : port;
  const end = (workload: Workload) => ({ peer: { workload, ip: null }, target, port: wire });
  const found: Layer[] = [];
  if (!admits(mesh, isolating(mesh, source, 'egress'), 'egress', end(target))) found.push('source-network-policy');
  if (departure.kind === 'blocked') found.push('egress-guard');
  if (!admits(mesh, isolating(mesh, target, 'ingress'), 'ingress', end(source)))
    found.push('destination-network-policy');
  const open = { ...mesh, networkPolicies: [] };
  const way = wayBetween(open, source, { workload: target, port, listener: decision.listener });
  if (way.kind === 'closed' && way.layer === 'peer-authentication') found.push('peer-authentication');
  const { never } = callers.universe.diagrams;
  const shown: readonly Node[] =
    way.kind === 'open' && way.shows !== 'certificate'
      ? callers.plaintext()
      : callers.shownBy(workloadIdentity(side.index.mesh, source));
  if ((shown[version] ?? never) === never) found.push('authorization-policy');
  return found;
}
