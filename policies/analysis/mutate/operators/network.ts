/** K3: NetworkPolicies, their rules, peers and ports. */
import { labelOf } from '../../attachment.ts';
import { dropping, type Materials, rewriting, type Sketch } from '../mutant.ts';
import { isMapping, type Spot } from '../spot.ts';
import { nextAfter } from './policy-text.ts';
import { widerBlocks } from './source.ts';

const EVERY_ADDRESS = { ipBlock: { cidr: '0.0.0.0/0' } };

/** Every mutant of every NetworkPolicy. */
export function* networkMutants(materials: Materials): Iterable<Sketch> {
  for (const policy of materials.of('NetworkPolicy')) {
    yield dropping(policy, 'the NetworkPolicy was dropped');
    yield* types(policy);
    yield* labels(materials, policy.get('spec', 'podSelector', 'matchLabels'));
    for (const [direction, side] of [
      ['ingress', 'from'],
      ['egress', 'to'],
    ] as const) {
      const list = policy.get('spec', direction);
      yield rewriting(list, [...list.items().map(({ value }) => value), {}], `an ${direction} rule admits everything`);
      for (const rule of list.items()) yield* ruleMutants(materials, rule, side);
    }
  }
}

function* types(policy: Spot): Iterable<Sketch> {
  for (const type of policy.get('spec', 'policyTypes').items())
    if (policy.get('spec', 'policyTypes').items().length > 1)
      yield rewriting(type, undefined, `policy type ${type.text()} was dropped`);
}

function* ruleMutants(materials: Materials, rule: Spot, side: 'from' | 'to'): Iterable<Sketch> {
  yield rewriting(rule, undefined, 'a rule was dropped');
  const peers = rule.get(side);
  if (peers.isPresent()) {
    yield rewriting(peers, undefined, `\`${side}\` was dropped`);
    const values = peers.items().map(({ value }) => value);
    yield rewriting(peers, [...values, EVERY_ADDRESS], 'every IPv4 address was added');
  }
  for (const peer of peers.items()) yield* peerMutants(materials, peer, peers.items().length);
  yield* portMutants(rule.get('ports'));
}

function* peerMutants(materials: Materials, peer: Spot, among: number): Iterable<Sketch> {
  if (among > 1) yield rewriting(peer, undefined, 'a peer was dropped');
  for (const field of ['podSelector', 'namespaceSelector']) {
    const selector = peer.get(field);
    if (!selector.isPresent()) continue;
    const whole = isMapping(peer.value) && Object.keys(peer.value).length > 1;
    if (whole) yield rewriting(selector, undefined, `\`${field}\` was dropped`);
    if (JSON.stringify(selector.value) !== '{}') yield rewriting(selector, {}, `\`${field}\` selects everything`);
    yield* labels(materials, selector.get('matchLabels'));
  }
  const block = peer.get('ipBlock', 'cidr');
  if (!block.isPresent()) return;
  const family = block.text().includes(':');
  for (const other of widerBlocks(block.text()).filter((text) => text.includes(':') === family))
    yield rewriting(block, other, `\`${block.text()}\` became \`${other}\``);
  for (const except of peer.get('ipBlock', 'except').items())
    yield rewriting(except, undefined, `exception \`${except.text()}\` was dropped`);
}

/** One label of a selector asks for another value that some workload or namespace has, or for one that none has. */
function* labels({ mesh }: Materials, selector: Spot): Iterable<Sketch> {
  for (const [key, label] of selector.members()) {
    const known = [...mesh.workloads, ...mesh.namespaces].flatMap((object) => labelOf(object.labels, key) ?? []);
    const other = nextAfter([...new Set([label.text(), ...known])].toSorted(), label.text());
    for (const text of [...(other === undefined ? [] : [other]), `${label.text()}-typo`])
      yield rewriting(label, text, `\`${key}\` is \`${text}\` instead of \`${label.text()}\``);
  }
}

function* portMutants(ports: Spot): Iterable<Sketch> {
  if (!ports.isPresent()) return;
  yield rewriting(ports, undefined, '`ports` was dropped');
  for (const port of ports.items()) {
    if (ports.items().length > 1) yield rewriting(port, undefined, `port ${port.get('port').text()} was dropped`);
    const number = Number(port.get('port').text());
    if (!Number.isInteger(number) || number < 1) continue;
    yield rewriting(port.get('port'), number + 1, `port ${number} became ${number + 1}`);
    if (!port.get('endPort').isPresent()) yield rewriting(port.get('endPort'), 65_535, `port ${number} and all above`);
    const protocol = port.get('protocol').text() === 'UDP' ? 'TCP' : 'UDP';
    yield rewriting(port.get('protocol'), protocol, `port ${number} is for ${protocol}`);
  }
}
