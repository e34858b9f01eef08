/** Reachability for programs, version 1 (`reach.schema.json`). */
import type { ReachReport } from './reach-report.ts';

/** One entry for each exact caller, port, method and path; entries with patterns where the set is infinite. */
export function reachJson({
  reach: { grants, openPorts, assumptions, unknown },
  reached,
  outside,
}: ReachReport): string {
  const ways = outside === null ? {} : { outside };
  return `${JSON.stringify({ version: 1, grants, openPorts, reached, ...ways, assumptions, unknown }, null, 2)}\n`;
}
