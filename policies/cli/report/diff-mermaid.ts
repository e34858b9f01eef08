/** A difference as a Mermaid flowchart: what was there thin, what is added thick, what is gone broken. */
import type { GrantChange } from '../../analysis/compare/grant-change.ts';
import type { DifferenceReport } from './difference.ts';
import { callerText, callText } from './grant-text.ts';
import { type Arrow, labelOf, mermaid } from './mermaid.ts';

/** The chart of all grants of both versions. */
export function diffMermaid({ difference }: DifferenceReport): string {
  const groups = Map.groupBy(difference.changes, (change) =>
    JSON.stringify([callerText(change.grant), placeText(change), kindOf(change)]),
  );
  const arrows = [...groups.values()].flatMap((changes): readonly Arrow[] =>
    changes.slice(0, 1).map((first) => ({
      from: callerText(first.grant),
      to: placeText(first),
      label: labelOf(changes.map(({ grant }) => `:${grant.destination.port} ${callText(grant)}`)),
      kind: kindOf(first),
    })),
  );
  return mermaid(arrows);
}

/** A changed grant counts as added where it opens something. */
function kindOf({ change, added }: GrantChange): Arrow['kind'] {
  if (change === 'unchanged') return 'same';
  return added === null ? 'removed' : 'added';
}

const placeText = ({ grant: { destination } }: GrantChange) => `${destination.namespace}/${destination.workload}`;
