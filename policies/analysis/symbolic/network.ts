/** The twin of `AddressGate` in `../network.ts`: which addresses the policies that isolate a pod admit to one port. */
import type { NetworkPolicy, Workload } from '../../language/mesh.ts';
import { admitsPort } from '../network.ts';
import { ALWAYS, all, type Formula, holds, not, some } from './formula.ts';

/** When a caller that is no pod is admitted by its address. */
export function admitsAddress(policies: readonly NetworkPolicy[], target: Workload, port: number): Formula {
  if (policies.length === 0) return ALWAYS;
  const rules = policies
    .flatMap(({ ingress }) => (ingress.kind === 'isolated' ? ingress.rules : []))
    .filter((rule) => admitsPort(rule, { target, port }));
  if (rules.some(({ peers }) => peers.kind === 'all')) return ALWAYS;
  const peers = rules.flatMap((rule) => (rule.peers.kind === 'some' ? rule.peers.peers : []));
  return some(
    peers.flatMap((peer) => {
      if (peer.kind !== 'block') return [];
      const outside = peer.except.map((block) => not(holds({ on: 'address', of: 'source', block })));
      return [all([holds({ on: 'address', of: 'source', block: peer.block }), ...outside])];
    }),
  );
}
