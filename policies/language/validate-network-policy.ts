/** What the API server checks of a NetworkPolicy beyond its schema. Source: kubernetes `ValidateNetworkPolicySpec`. */
import { isCidr, isInside } from './address.ts';
import type { Cursor } from './parse-cursor.ts';
import { portNumberOrNameFaults } from './port-name.ts';
import { type Problem, problem, quote } from './problem.ts';

const fault = (rule: string, message: string, where: Cursor, help?: string): Problem =>
  problem(`schema/${rule}`, message, where.at(), help);

/** The faults of a NetworkPolicy. Errors: `schema/selector`, `schema/peer`, `schema/cidr`, `schema/port`. */
export function networkPolicyFaults(spec: Cursor): readonly Problem[] {
  const rules = ['ingress', 'egress'].flatMap((direction) => spec.get(direction).items());
  const peers = rules.flatMap((rule) => [...rule.get('from').items(), ...rule.get('to').items()]);
  return [
    ...selectorFaults(spec.get('podSelector')),
    ...peers.flatMap(peerFaults),
    ...rules.flatMap((rule) => rule.get('ports').items()).flatMap(portFaults),
  ];
}

function selectorFaults(selector: Cursor): readonly Problem[] {
  return selector
    .get('matchExpressions')
    .items()
    .flatMap((expression) => {
      const operator = expression.get('operator').text();
      const hasValues = expression.get('values').items().length > 0;
      const needsValues = operator === 'In' || operator === 'NotIn';
      if (hasValues === needsValues) return [];
      const message = `operator ${operator}: expected ${needsValues ? 'at least one value' : 'no values'}`;
      return [fault('selector', message, expression)];
    });
}

function peerFaults(peer: Cursor): readonly Problem[] {
  const block = peer.get('ipBlock');
  const selectors = [peer.get('podSelector'), peer.get('namespaceSelector')].filter((one) => one.isPresent());
  const faults = selectors.flatMap(selectorFaults);
  if (!block.isPresent()) {
    if (selectors.length > 0) return faults;
    return [fault('peer', 'a peer needs a selector or an ipBlock', peer, 'leave the list out for all peers')];
  }
  if (selectors.length === 0) return blockFaults(block);
  const message = 'expected one of ipBlock and selectors in a peer, got both';
  return [fault('peer', message, peer, 'write two peers'), ...faults, ...blockFaults(block)];
}

function blockFaults(block: Cursor): readonly Problem[] {
  const range = block.get('cidr');
  const outer = range.text();
  if (!isCidr(outer))
    return [fault('cidr', `expected a CIDR range, got ${quote(outer)}`, range, 'such as `10.0.0.0/8`')];
  return block
    .get('except')
    .items()
    .flatMap((except) => {
      const inner = except.text();
      if (!isCidr(inner)) return [fault('cidr', `expected a CIDR range, got ${quote(inner)}`, except)];
      return isInside(inner, outer)
        ? []
        : [fault('cidr', `expected a part of ${quote(outer)}, got ${quote(inner)}`, except)];
    });
}

function portFaults(entry: Cursor): readonly Problem[] {
  const port = entry.get('port');
  const end = entry.get('endPort');
  const first = port.value;
  const faults = portNumberOrNameFaults(port);
  if (faults.length > 0) return faults;
  if (!end.isPresent()) return [];
  if (typeof first !== 'number') return [fault('port', 'endPort needs a port number to begin with', end)];
  const last = end.number() ?? 0;
  return last >= first ? [] : [fault('port', `expected endPort of at least ${first}, got \`${last}\``, end)];
}
