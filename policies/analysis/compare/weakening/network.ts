/** NetworkPolicies: isolation given up, and peers, addresses or ports admitted that were not. */
import type { NetworkPolicy, Workload } from '../../../language/mesh.ts';
import { admits, admitsPort, isolating } from '../../network.ts';
import { addressText } from '../../symbolic/address-variable.ts';
import { plainAssignment, tryFindCheapest } from '../../symbolic/cheapest.ts';
import { ALWAYS, all, type Formula, holds, not, some } from '../../symbolic/formula.ts';
import { Universe } from '../../symbolic/universe.ts';
import { portsOf } from '../../workload-ports.ts';
import type { PreparedMesh, PreparedWorkload } from '../prepared.ts';
import { allPorts, type Pair, type PortLabel } from '../sides.ts';
import { listed, type Weakening, weakening } from './weakening.ts';

type Direction = 'ingress' | 'egress';

/** Both directions of one workload. */
export function weakenedNetwork(pair: Pair, was: PreparedWorkload, is: PreparedWorkload): readonly Weakening[] {
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const { before, after, name } = pair;
    const old = isolating(before.index.slice(was.workload.namespace), was.workload, direction);
    if (old.length === 0) return [];
    const current = isolating(after.index.slice(is.workload.namespace), is.workload, direction);
    if (current.length === 0)
      return [weakening('network-isolation', name, `no NetworkPolicy isolates it for ${direction} any more`)];
    const policies = { old, current };
    const samePolicies = was.numbers[direction] === is.numbers[direction];
    const verb = direction === 'ingress' ? 'admits calls from' : 'lets calls out to';
    const peers = openedPeers(pair, { was, is, direction, policies, samePolicies }).map((opened) =>
      weakening('network-policy', name, `NetworkPolicy ${verb} ${opened}`),
    );
    if (samePolicies) return peers;
    const addresses = openedAddresses(pair, is.workload, { direction, policies }).map((opened) =>
      weakening('network-policy', name, `NetworkPolicy ${verb} ${opened}`),
    );
    return [...peers, ...addresses];
  });
}

interface Compared {
  readonly was: PreparedWorkload;
  readonly is: PreparedWorkload;
  readonly direction: Direction;
  readonly policies: Policies;
  readonly samePolicies: boolean;
}

interface Policies {
  readonly old: readonly NetworkPolicy[];
  readonly current: readonly NetworkPolicy[];
}

/** Workloads of both versions that were not admitted and are, by the ports concerned. */
function openedPeers(pair: Pair, { was, is, direction, policies, samePolicies }: Compared): readonly string[] {
  const { before, after } = pair;
  const byPorts = new Map<string, string[]>();
  for (const [name, peer] of after.workloads) {
    const earlier = before.workloads.get(name);
    if (earlier === undefined || name === pair.name) continue;
    const sameLabels = before.namespaces === after.namespaces && earlier.numbers.outbound === peer.numbers.outbound;
    if (samePolicies && sameLabels) continue;
    const ports = direction === 'ingress' ? allPorts(pair) : portsOfPeer(after, peer.workload);
    const [own, other] = [
      { before: was.workload, after: is.workload },
      { before: earlier.workload, after: peer.workload },
    ];
    const target = direction === 'ingress' ? own : other;
    const opened = ports.filter(({ port }) => {
      const end = (version: 'before' | 'after') => ({
        peer: { workload: other[version], ip: null },
        target: target[version],
        port,
      });
      return (
        admits(after.mesh, policies.current, direction, end('after')) &&
        !admits(before.mesh, policies.old, direction, end('before'))
      );
    });
    if (opened.length === 0) continue;
    const key = opened.map(({ label }) => label).join(', ');
    byPorts.set(key, [...(byPorts.get(key) ?? []), name]);
  }
  return [...byPorts].map(([ports, names]) => `${listed(names.toSorted())} (ports ${ports})`);
}

function portsOfPeer({ index }: PreparedMesh, peer: Workload): readonly PortLabel[] {
  const ports = portsOf(index.slice(peer.namespace), peer);
  let other = 65_000;
  while (ports.includes(other)) other -= 1;
  return [...ports.map((port) => ({ port, label: port })), { port: other, label: 'other' }];
}

/** Addresses outside the mesh that were not admitted and are, one example for all ports with the same. */
function openedAddresses(
  pair: Pair,
  workload: Workload,
  { direction, policies }: { readonly direction: Direction; readonly policies: Policies },
): readonly string[] {
  const byExample = new Map<string, (number | 'other')[]>();
  const ports = direction === 'ingress' ? allPorts(pair) : portsNamed(policies);
  const target = direction === 'ingress' ? workload : { ...workload, ports: [] };
  for (const { port, label } of ports) {
    const [old, current] = [policies.old, policies.current].map((each) => addresses(each, direction, { target, port }));
    const example = exampleOf(pair, all([current ?? ALWAYS, not(old ?? ALWAYS)]));
    if (example !== undefined) byExample.set(example, [...(byExample.get(example) ?? []), label]);
  }
  return [...byExample].map(([example, labels]) => `addresses such as ${example} (ports ${labels.join(', ')})`);
}

function addresses(
  policies: readonly NetworkPolicy[],
  direction: Direction,
  { target, port }: { readonly target: Workload; readonly port: number },
): Formula {
  const rules = policies.flatMap((policy) => {
    const side = policy[direction];
    return side.kind === 'isolated'
      ? side.rules.filter((rule) => admitsPort(rule, { target: target, port: port }))
      : [];
  });
  return some(
    rules.flatMap(({ peers }) => {
      if (peers.kind === 'all') return [ALWAYS];
      return peers.peers.flatMap((peer) => {
        if (peer.kind !== 'block') return [];
        const inside = (block: typeof peer.block) => holds({ on: 'address', of: 'source', block });
        return [all([inside(peer.block), not(some(peer.except.map(inside)))])];
      });
    }),
  );
}

function exampleOf({ after }: Pair, opened: Formula): string | undefined {
  const universe = new Universe([opened], {
    config: after.mesh.config,
    headers: after.profile.repeatedHeaders,
    peers: 'single',
    identities: [],
  });
  const node = universe.diagrams.and(universe.node(opened), universe.possible());
  const found = tryFindCheapest(universe, node, plainAssignment(universe));
  if (found === undefined) return undefined;
  const source = universe.attributes.find(({ name }) => name === 'source');
  if (source?.kind !== 'address') return 'any';
  const address = source.variable.decode([found.assignment[source.first] ?? 0]);
  return address === null ? 'any' : addressText(address);
}

/** The ends of every range that the policies name, their neighbours, and one port besides. */
function portsNamed({ old, current }: Policies): readonly PortLabel[] {
  const ports = new Set<number>();
  for (const { egress } of [...old, ...current]) {
    for (const rule of egress.kind === 'isolated' ? egress.rules : []) {
      for (const entry of rule.ports.kind === 'some' ? rule.ports.ports : [])
        if (entry.kind === 'range')
          for (const port of [entry.from - 1, entry.from, entry.to, entry.to + 1]) ports.add(port);
    }
  }
  const usable = [...ports].filter((port) => port > 0 && port < 65_536).toSorted((left, right) => left - right);
  let other = 65_000;
  while (ports.has(other)) other -= 1;
  return [...usable.map((port) => ({ port, label: port })), { port: other, label: 'other' }];
}
