/** The NetworkPolicy rules that came closest to admitting a call: those that only the port, or only the caller, fails. */
import { locate, type SourceDocument } from '../../language/document.ts';
import type { NetworkPolicy, NetworkRule } from '../../language/mesh.ts';
import type { Step } from '../../language/problem.ts';
import { admits, admitsPort, isolating, type NetworkConnection } from '../network.ts';
import { addressText } from './call-value.ts';
import type { FieldMiss, NearMiss } from './explanation.ts';
import { valueAt } from './fields.ts';
import { placeOf } from './judgement.ts';
import { tryFindDocument } from './near-miss.ts';
import type { Situation } from './situation.ts';

type Direction = 'ingress' | 'egress';

/** The near misses of one direction; none where every rule fails in both, which helps nobody. */
export function networkMisses(situation: Situation, direction: Direction): readonly NearMiss[] {
  const { call, documents } = situation;
  const { source, target, request, departure, world } = call;
  const owner = direction === 'egress' ? source : target;
  if (owner === null) return [];
  const peer =
    direction === 'egress'
      ? { workload: target, ip: request.destination.ip }
      : { workload: source, ip: request.sourceIp };
  const port = departure.kind === 'sends' ? departure.port : request.destination.port;
  const connection: NetworkConnection = { peer, target, port };
  return isolating(world.mesh, owner, direction).flatMap((policy) => {
    const side = policy[direction];
    const document = tryFindDocument(documents, { ...policy, kind: 'NetworkPolicy' });
    if (side.kind !== 'isolated' || document === undefined) return [];
    return side.rules.flatMap((rule, index) => {
      const fitsPort = admitsPort(rule, connection);
      const fitsPeer = admits(world.mesh, [onAnyPort(policy, direction, rule)], direction, connection);
      if (fitsPort === fitsPeer || isAboutAddresses(rule, peer)) return [];
      const steps: readonly Step[] = ['spec', direction, index];
      const place = placeOf('NetworkPolicy', policy, { index, line: locate(document, steps).line });
      const miss = fitsPeer
        ? missAt(document, [...steps, 'ports'], String(port))
        : missAt(document, [...steps, direction === 'egress' ? 'to' : 'from'], endText(peer));
      return [{ place, misses: [miss], dropped: '' }];
    });
  });
}

/** True iff a rule names addresses only, and the end is a pod whose address nobody stated. */
function isAboutAddresses({ peers }: NetworkRule, { workload, ip }: NetworkConnection['peer']): boolean {
  return workload !== null && ip === null && peers.kind === 'some' && peers.peers.every(({ kind }) => kind === 'block');
}

/** A policy of one rule, for every port. */
function onAnyPort(policy: NetworkPolicy, direction: Direction, rule: NetworkRule): NetworkPolicy {
  return { ...policy, [direction]: { kind: 'isolated', rules: [{ ...rule, ports: { kind: 'all' } }] } };
}

function missAt(document: SourceDocument, steps: readonly Step[], got: string): FieldMiss {
  const { file, line } = locate(document, steps);
  const written = valueAt(document, steps);
  const expected = Array.isArray(written) ? written.map((each) => JSON.stringify(each)) : [];
  return { field: String(steps.at(-1)), expected, got, file, line };
}

function endText({ workload, ip }: NetworkConnection['peer']): string {
  const address = addressText(ip);
  if (workload === null) return address === null ? 'an unknown end' : `${address}, an address alone, which is no pod`;
  const labels = Object.entries(workload.labels).map(([key, value]) => `${key}=${value}`);
  const pod = `pod ${workload.namespace}/${workload.name} (${labels.join(', ') || 'no labels'})`;
  return address === null ? pod : `${pod} at ${address}`;
}
