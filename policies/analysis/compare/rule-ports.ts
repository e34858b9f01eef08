/** The ports of NetworkPolicy rules against declared ones. */
import type { NetworkPort, NetworkRule, Protocol, Workload } from '../../language/mesh.ts';
import type { Ports } from './connections.ts';

/** One port with its protocol. */
export interface RulePort {
  readonly protocol: Protocol;
  readonly number: number;
  /** The name by which the rule means it, of a pod that is not known. @default - the rule means the number */
  readonly name?: string;
}

const HIGHEST = 65_535;

/**
 * A port of the rule that is among none of `declared`. `target` owns the names of ports; a pod that is not known may
 * give any port the name.
 */
export function portOutside(
  ports: NetworkRule['ports'],
  declared: readonly Ports[],
  target: Workload | null,
): RulePort | undefined {
  const entries: readonly NetworkPort[] = ports.kind === 'some' ? ports.ports : EVERY_PORT;
  for (const entry of entries) {
    const { protocol } = entry;
    for (const { from, to } of rangesOf(entry, target)) {
      for (let number = from; number <= to; number += 1)
        if (!declared.some((known) => known.has(`${protocol}/${number}`)))
          return { protocol, number, ...(entry.kind === 'named' && target === null ? { name: entry.name } : {}) };
    }
  }
  return undefined;
}

const EVERY_PORT: readonly NetworkPort[] = (['TCP', 'UDP', 'SCTP'] as const).map((protocol) => ({
  kind: 'anyNumber',
  protocol,
}));

function rangesOf(
  entry: NetworkPort,
  target: Workload | null,
): readonly { readonly from: number; readonly to: number }[] {
  if (entry.kind === 'range') return [entry];
  if (entry.kind === 'anyNumber' || target === null) return [{ from: 1, to: HIGHEST }];
  return target.ports
    .filter(({ name, protocol }) => name === entry.name && protocol === entry.protocol)
    .map(({ number }) => ({ from: number, to: number }));
}
