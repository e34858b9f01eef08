/** A difference as Markdown, for a comment on a pull request. */
import type { GrantChange } from '../../analysis/compare/grant-change.ts';
import {
  becauseOf,
  budgetLines,
  conditionsText,
  type DifferenceReport,
  effectOf,
  realChanges,
  refinementOf,
  summaryOf,
  wayText,
  weakeningText,
} from './difference.ts';
import { calleeText, callerText, callText, outsideText } from './grant-text.ts';
import { cell, code, folded, table } from './markdown.ts';

const SHOWN = 50;

/** The counts, the changes as a table, ways and layers as lists; reasons and requests fold away. */
export function diffMarkdown({ difference, verdict }: DifferenceReport): string {
  const changes = realChanges(difference);
  const { paths, outside, weakened, unknown } = difference;
  const shown = changes.slice(0, SHOWN);
  const rows = shown.map(({ change, grant, added, removed }) => [
    `${MARKS[change]} ${change}`,
    code(callerText(grant)),
    code(calleeText(grant)),
    code(callText(grant)),
    cell([added, removed].flatMap((calls) => (calls === null ? [] : [conditionsText(calls)])).join('; ')),
  ]);
  return [
    `### Meshwright diff: ${summaryOf(difference)}`,
    '',
    ...(rows.length === 0 ? ['No grant changes.'] : table(['change', 'caller', 'callee', 'call', 'where'], rows)),
    ...(changes.length > SHOWN ? ['', `and ${changes.length - SHOWN} more`] : []),
    ...list(
      'Ways from the internet',
      paths.map((path) => `${path.change === 'added' ? '🔴' : '🟢'} ${path.change}: ${code(wayText(path))}`),
    ),
    ...list(
      'Calls from outside, through gateways',
      outside.map((each) => {
        const mark = each.change !== 'changed' ? MARKS[each.change] : each.added === null ? '🟢' : '🟡';
        const refinement = refinementOf(each).map((text) => `; ${cell(text)}`);
        return `${mark} ${effectOf(each)}: ${code(outsideText(each.way))}${refinement.join('')}`;
      }),
    ),
    ...list(
      'Weakened layers',
      weakened.map((each) => `🔴 ${cell(weakeningText(each))}`),
    ),
    ...list(
      'Budget',
      (verdict === null ? [] : budgetLines(verdict)).map(({ holds, text }) => `${holds ? '🟢' : '🔴'} ${cell(text)}`),
    ),
    ...list('Not decided', unknown.map(cell)),
    ...folded('Reasons and requests', shown.flatMap(reasons)),
    '',
  ].join('\n');
}

const MARKS = { added: '🔴', removed: '🟢', changed: '🟡', unchanged: '' } as const;

function list(title: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : ['', `**${title}**`, '', ...items.map((item) => `- ${item}`)];
}

function reasons({ grant, added, removed }: GrantChange): readonly string[] {
  const calls = added ?? removed;
  if (calls === null || calls.example === null) return [];
  const request = code(JSON.stringify(calls.example.request));
  return [
    `- ${code(callerText(grant))} → ${code(calleeText(grant))}: ${cell(becauseOf(calls).join('; '))}: ${request}`,
  ];
}
