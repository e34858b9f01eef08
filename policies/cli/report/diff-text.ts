/** A difference for people. */
import type { ChangedCalls, GrantChange } from '../../analysis/compare/grant-change.ts';
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
import { grantText, outsideText } from './grant-text.ts';
import type { Paint, Tone } from './paint.ts';

const MARKS: Readonly<Record<GrantChange['change'], { readonly mark: string; readonly tone: Tone }>> = {
  added: { mark: '+', tone: 'bad' },
  removed: { mark: '-', tone: 'good' },
  changed: { mark: '~', tone: 'careful' },
  unchanged: { mark: ' ', tone: 'quiet' },
};

/** Changes with the rules responsible and a request, ways from the internet, layers, then the counts. */
export function diffText({ difference, verdict }: DifferenceReport, paint: Paint): string {
  const lines = realChanges(difference).flatMap((change) => changeLines(change, paint));
  for (const path of difference.paths) {
    const { mark, tone } = MARKS[path.change];
    const kind = path.reaches === 'another workload' ? 'way from the internet' : 'another way from the internet';
    lines.push(paint(tone, `${mark} ${kind}: ${wayText(path)}`));
  }
  for (const outside of difference.outside) {
    const { mark, tone } = MARKS[outside.change];
    const word = outside.change === 'changed' ? `from outside, ${effectOf(outside)}` : 'from outside';
    lines.push(paint(tone, `${mark} ${word}: ${outsideText(outside.way)}`));
    for (const each of refinementOf(outside)) lines.push(`    ${each}`);
  }
  for (const each of difference.weakened) lines.push(paint('bad', `weakened: ${weakeningText(each)} [${each.kind}]`));
  for (const each of difference.unknown) lines.push(paint('careful', `not decided: ${each}`));
  lines.push(paint('strong', summaryOf(difference)));
  for (const { holds, text } of verdict === null ? [] : budgetLines(verdict))
    lines.push(paint(holds ? 'quiet' : 'bad', text));
  return `${lines.join('\n')}\n`;
}

function changeLines({ change, grant, added, removed }: GrantChange, paint: Paint): readonly string[] {
  const { mark, tone } = MARKS[change];
  const lines = [paint(tone, `${mark} ${grantText(grant)}`)];
  const explain = (verb: string, calls: ChangedCalls | null) => {
    if (calls === null) return;
    if (change === 'changed') lines.push(`    ${verb} where ${conditionsText(calls)}`);
    for (const line of becauseOf(calls)) lines.push(paint('quiet', `    ${line}`));
    if (calls.example !== null) lines.push(paint('quiet', `    request: ${JSON.stringify(calls.example.request)}`));
  };
  explain('opened', added);
  explain('closed', removed);
  return lines;
}
