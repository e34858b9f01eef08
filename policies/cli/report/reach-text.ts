/** Reachability for people. */
import { grantText, openPortsText, outsideText } from './grant-text.ts';
import type { Paint } from './paint.ts';
import type { ReachReport } from './reach-report.ts';

/** One grant a line, then what is reached by going on from workload to workload. */
export function reachText({ reach, reached, outside }: ReachReport, paint: Paint): string {
  const lines = reach.grants.map((grant) => grantText(grant));
  if (outside !== null && outside.length > 0)
    lines.push(
      '',
      paint('strong', 'from outside through gateways, end to end'),
      ...outside.map((way) => `  ${outsideText(way)}`),
    );
  if (reached !== null) {
    const ways = reached.map(({ way }) => `  ${way.join(' -> ')}`);
    const title = `reached transitively, sidecars on the way being no obstacle: ${reached.length} workloads`;
    lines.push('', paint('strong', title), ...ways);
  }
  if (reach.openPorts.length > 0)
    lines.push(
      '',
      paint('strong', "the proxies' own ports, before which no rule stands"),
      ...reach.openPorts.map((open) => `  ${openPortsText(open)}`),
    );
  for (const assumption of reach.assumptions) lines.push(`assuming ${assumption}`);
  return lines.map((line) => `${line}\n`).join('');
}
