/** Parses Kubernetes NetworkPolicies. Source: semantics.md 9. */
import type { Cidr } from './authorization.ts';
import type { NetworkDirection, NetworkPeer, NetworkPolicy, NetworkPort, NetworkRule } from './mesh.ts';
import type { Cursor } from './parse-cursor.ts';
import { parseLabelSelector } from './parse-label-selector.ts';
import { tryParseCidr } from './parse-pattern.ts';
import { parseNamed } from './parse-traffic.ts';
import { parseProtocol } from './parse-workload.ts';

/** Parses one NetworkPolicy; without `policyTypes` it isolates ingress, and egress iff it has an `egress` section. */
export function parseNetworkPolicy(document: Cursor): NetworkPolicy {
  const spec = document.get('spec');
  const types = spec.get('policyTypes').texts();
  const stated = types.length > 0;
  return {
    ...parseNamed(document),
    podSelector: parseLabelSelector(spec.get('podSelector')),
    ingress: stated && !types.includes('Ingress') ? { kind: 'notIsolated' } : direction(spec.get('ingress'), 'from'),
    egress: (stated ? types.includes('Egress') : spec.get('egress').isPresent())
      ? direction(spec.get('egress'), 'to')
      : { kind: 'notIsolated' },
  };
}

function direction(rules: Cursor, peersKey: 'from' | 'to'): NetworkDirection {
  return { kind: 'isolated', rules: rules.items().map((rule) => parseRule(rule, peersKey)) };
}

function parseRule(rule: Cursor, peersKey: 'from' | 'to'): NetworkRule {
  const peers = rule.get(peersKey).items();
  const ports = rule.get('ports').items();
  return {
    peers: peers.length === 0 ? { kind: 'all' } : { kind: 'some', peers: peers.flatMap(parsePeer) },
    ports: ports.length === 0 ? { kind: 'all' } : { kind: 'some', ports: ports.map(parsePort) },
  };
}

/** A block that cannot be read admits nothing: the API server refuses it. */
function parsePeer(peer: Cursor): readonly NetworkPeer[] {
  if (peer.get('ipBlock').isPresent()) {
    const block = tryParseCidr(peer.get('ipBlock', 'cidr').text());
    const except = peer.get('ipBlock', 'except').texts().map(tryParseCidr).filter(isBlock);
    return block === undefined ? [] : [{ kind: 'block', block, except }];
  }
  const namespaces = peer.get('namespaceSelector');
  return [
    {
      kind: 'pods',
      namespaces: namespaces.isPresent()
        ? { kind: 'selected', selector: parseLabelSelector(namespaces) }
        : { kind: 'own' },
      pods: parseLabelSelector(peer.get('podSelector')),
    },
  ];
}

function isBlock(block: Cidr | undefined): block is Cidr {
  return block !== undefined;
}

function parsePort(entry: Cursor): NetworkPort {
  const protocol = parseProtocol(entry.get('protocol').text());
  const port = entry.get('port');
  if (!port.isPresent()) return { kind: 'anyNumber', protocol };
  const from = port.number();
  if (from === null) return { kind: 'named', protocol, name: port.text() };
  return { kind: 'range', protocol, from, to: entry.get('endPort').number() ?? from };
}
