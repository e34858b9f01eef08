/** Reachability as a Mermaid flowchart: an arrow for each caller and port. */
import type { ReachGrant } from '../../analysis/compare/reach.ts';
import { calleeText, callerText, callText } from './grant-text.ts';
import { type Arrow, labelOf, mermaid } from './mermaid.ts';
import type { ReachReport } from './reach-report.ts';

/** The chart of the grants asked for. */
export function reachMermaid({ reach }: ReachReport): string {
  const groups = Map.groupBy(reach.grants, (grant) => JSON.stringify([callerText(grant), placeText(grant)]));
  const arrows = [...groups.values()].flatMap((grants): readonly Arrow[] =>
    grants.slice(0, 1).map((first) => ({
      from: callerText(first),
      to: placeText(first),
      label: labelOf(grants.map((grant) => `${portText(grant)}${callText(grant)}`)),
      kind: 'same',
    })),
  );
  return mermaid(arrows);
}

const placeText = ({ destination }: ReachGrant) => `${destination.namespace}/${destination.workload}`;
const portText = (grant: ReachGrant) => `:${calleeText(grant).split(':').at(-1)} `;
