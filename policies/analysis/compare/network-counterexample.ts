/** Connections that refute what NetworkPolicies were to admit, as requests that the concrete evaluator has decided. */
import type { NetworkPolicy, Workload } from '../../language/mesh.ts';
import { toAnswer } from '../answer.ts';
import { decideNaively } from '../naive.ts';
import { admits, type NetworkEnd } from '../network.ts';
import { parseRequest } from '../parse-request.ts';
import type { Profile } from '../profile.ts';
import type { Address, Pod } from '../request.ts';
import { addressText } from '../symbolic/address-variable.ts';
import { podWorkload, withPods } from '../world.ts';
import { type DeclaredEnds, type Direction, portKey } from './connections.ts';
import type { Counterexample } from './counterexample.ts';
import type { MeshIndex } from './destinations.ts';
import type { Grant } from './intent.ts';
import type { OtherEnd, Surplus } from './network-surplus.ts';

/** One end whose policies are judged; `grants` are those that name it. */
export interface NetworkSide {
  readonly own: Workload;
  readonly direction: Direction;
  readonly policies: readonly NetworkPolicy[];
  readonly grants: readonly Grant[];
  readonly ends: DeclaredEnds;
}

/** What decides the connections. */
interface NetworkWorld {
  readonly index: MeshIndex;
  readonly profile: Profile;
}

/** The request of a connection that is admitted and was not declared. Errors: throws when it is not admitted. */
export function undeclaredConnection(world: NetworkWorld, side: NetworkSide, surplus: Surplus): Counterexample {
  const { number: port } = surplus.port;
  const made = connect(world, side, { other: surplus.other, port });
  if (!made.admitted) throw new Error(`a NetworkPolicy does not admit what it was found to: ${made.cell}`);
  const near = surplus.declared === 'otherPorts';
  const samePort = side.grants.find((grant) => portKey(grant) === `TCP/${port}`);
  const stopped = made.decided.verdict === 'deny' ? `; only ${made.decided.layer} stops it` : '';
  return {
    cell: made.cell,
    request: made.request,
    expected: 'deny by network-policy',
    decided: made.decided,
    differsIn: near ? ['port'] : samePort === undefined ? [] : ['peer'],
    grant: near ? (grantOfEnd(side, surplus.other) ?? null) : (samePort ?? null),
    change: `${ruleText(side, surplus)}${stopped}`,
  };
}

/** The request of a declared connection from an address that is not admitted. */
export function refusedConnection(
  world: NetworkWorld,
  side: NetworkSide,
  { grant, address }: { readonly grant: Grant; readonly address: Address },
): Counterexample {
  const made = connect(world, side, { other: { kind: 'address', address }, port: grant.port });
  if (made.admitted) throw new Error(`a NetworkPolicy admits what it was found to refuse: ${made.cell}`);
  const names = side.policies.map(({ namespace, name }) => `\`${namespace}/${name}\``).join(', ');
  return {
    cell: made.cell,
    request: made.request,
    expected: 'allow',
    decided: made.decided,
    differsIn: [],
    grant,
    change: `no ${side.direction} rule of NetworkPolicy ${names} admits it`,
  };
}

/** True iff a request can say it: requests are TCP, and pods that nobody declared have no names for their ports. */
export const canBeShown = ({ port: { protocol, name } }: Surplus): boolean => protocol === 'TCP' && name === undefined;

/** A surplus in one line, where no request can show it. */
export function surplusText(side: NetworkSide, surplus: Surplus): string {
  const { protocol, number, name } = surplus.port;
  const port = name === undefined ? String(number) : `on whatever port it calls \`${name}\``;
  return `${callOf(side, surplus.other)} ${protocol} ${port} is not declared: ${ruleText(side, surplus)}`;
}

function ruleText({ own, direction }: NetworkSide, { policy, rule }: Surplus): string {
  if (policy === null) return `no NetworkPolicy isolates \`${own.namespace}/${own.name}\` for ${direction}`;
  const { namespace, name, at } = policy;
  return `NetworkPolicy \`${namespace}/${name}\` (${at.file}:${at.line}), ${direction} rule ${rule}, admits it`;
}

function callOf({ own, direction }: NetworkSide, other: OtherEnd): string {
  const name =
    other.kind === 'workload'
      ? other.workload.name
      : other.kind === 'address'
        ? addressText(other.address)
        : podText(other.pod);
  return direction === 'ingress' ? `${name} -> ${own.name}` : `${own.name} -> ${name}`;
}

function podText({ namespace, labels }: Pod): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return `a pod of ${namespace}${pairs.length === 0 ? '' : ` with ${pairs.join(', ')}`}`;
}

function grantOfEnd({ grants }: NetworkSide, other: OtherEnd): Grant | undefined {
  if (other.kind !== 'workload') return grants[0];
  const { namespace, name, serviceAccount } = other.workload;
  return grants.find(
    ({ caller, callee }) =>
      (callee.kind === 'workload' && callee.namespace === namespace && callee.workload === name) ||
      (caller.kind === 'identity' && caller.namespace === namespace && caller.serviceAccount === serviceAccount),
  );
}

/** A host outside the cluster, to have an end with an address. */
const HOST: Pod = { namespace: 'outside', workload: 'host', labels: {} };

function connect(
  { index, profile }: NetworkWorld,
  side: NetworkSide,
  { other, port }: { readonly other: OtherEnd; readonly port: number },
) {
  const { own, direction, policies } = side;
  const inward = direction === 'ingress';
  const known = index.mesh.workloads.includes(own);
  const ownPods: readonly Pod[] = known ? [] : [{ namespace: own.namespace, workload: own.name, labels: own.labels }];
  const otherPods = other.kind === 'pod' ? [other.pod] : other.kind === 'address' && !inward ? [HOST] : [];
  const pods = [...ownPods, ...otherPods];
  const otherName =
    other.kind === 'workload'
      ? { namespace: other.workload.namespace, workload: other.workload.name }
      : other.kind === 'pod'
        ? { namespace: other.pod.namespace, workload: other.pod.workload }
        : HOST;
  const ip = other.kind === 'address' ? { ip: addressText(other.address) } : {};
  const ownName = { namespace: own.namespace, workload: own.name };
  const [from, to] = inward ? [otherName, ownName] : [ownName, otherName];
  const request = {
    id: '1',
    source: inward && other.kind === 'address' ? ip : { workload: { namespace: from.namespace, name: from.workload } },
    destination: { namespace: to.namespace, workload: to.workload, port, ...(inward ? {} : ip) },
    http: null,
    ...(pods.length === 0
      ? {}
      : { pods: pods.map(({ namespace, workload, labels }) => ({ namespace, name: workload, labels })) }),
  };
  const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
  if (!parsed.ok) throw new Error(`a connection is no request: ${JSON.stringify(parsed.problems)}`);
  const mesh = index.between(from.namespace, to.namespace);
  const world = withPods({ mesh, profile, issuerKeys: new Map() }, pods);
  const peer = endOf(other);
  const target = inward ? own : (peer.workload ?? podWorkload(HOST));
  return {
    request,
    cell: `${callOf(side, other)} tcp ${port}`,
    decided: toAnswer(parsed.value, decideNaively(world, parsed.value)),
    admitted: admits(world.mesh, policies, direction, { peer, target, port }),
  };
}

function endOf(other: OtherEnd): NetworkEnd {
  switch (other.kind) {
    case 'workload':
      return { workload: other.workload, ip: null };
    case 'pod':
      return { workload: podWorkload(other.pod), ip: null };
    case 'address':
      return { workload: null, ip: other.address };
  }
}
