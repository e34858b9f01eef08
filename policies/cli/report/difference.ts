/** What every report of `diff` reads and says alike. */
import type { MeshDifference } from '../../analysis/compare/diff.ts';
import type { ChangedCalls, GrantChange } from '../../analysis/compare/grant-change.ts';
import type { InternetPath } from '../../analysis/compare/internet-paths.ts';
import type { BudgetLine, BudgetVerdict, Counted } from '../../analysis/compare/judge-budget.ts';
import type { OutsideChange } from '../../analysis/compare/outside-changes.ts';
import type { Weakening } from '../../analysis/compare/weakening/weakening.ts';
import { grantText, outsideText } from './grant-text.ts';

/** A difference and between what. */
export interface DifferenceReport {
  readonly difference: MeshDifference;
  readonly before: string;
  readonly after: string;
  /** Null when no budget was given. */
  readonly verdict: BudgetVerdict | null;
}

/** The changes that are not `unchanged`. */
export function realChanges({ changes }: MeshDifference): readonly GrantChange[] {
  return changes.filter(({ change }) => change !== 'unchanged');
}

/** `1 added, 0 removed, 0 changed, 82 unchanged`, and what else there is. */
export function summaryOf({ changes, weakened, paths, outside, same }: MeshDifference): string {
  const count = (wanted: string) => changes.filter(({ change }) => change === wanted).length;
  const parts = (['added', 'removed', 'changed', 'unchanged'] as const).map((change) => `${count(change)} ${change}`);
  if (weakened.length > 0) parts.push(counted(weakened.length, 'layer', 'weakened'));
  const opened = paths.filter(({ change }) => change === 'added').length;
  if (opened > 0) parts.push(counted(opened, 'new way', 'from the internet'));
  const through = outside.filter(({ change }) => change === 'added').length;
  if (through > 0) parts.push(counted(through, 'new call', 'from outside through a gateway'));
  const wider = outside.filter(({ change, added }) => change === 'changed' && added !== null).length;
  if (wider > 0) parts.push(counted(wider, 'wider call', 'from outside through a gateway'));
  if (same > 0) parts.push(counted(same, 'workload', 'left out, about which nothing changed'));
  return parts.join(', ');
}

const counted = (count: number, noun: string, rest: string) => `${count} ${noun}${count === 1 ? '' : 's'} ${rest}`;

/** `trading/execution:50053: mTLS mode STRICT became PERMISSIVE`. */
export function weakeningText({ workload, ports, message }: Weakening): string {
  const subject = workload ?? 'the mesh';
  return `${ports.length === 0 ? subject : `${subject}:${ports.join(',')}`}: ${message}`;
}

/** `internet -> a/ingress -> b/orders`. */
export function wayText({ way }: InternetPath): string {
  return ['internet', ...way].join(' -> ');
}

/** What became of a way from outside, in a word: one that opens calls and closes others is both. */
export function effectOf({ change, added, removed }: OutsideChange): string {
  if (change !== 'changed') return change;
  return added === null ? 'narrowed' : removed === null ? 'widened' : 'widened and narrowed';
}

/** What opened and what closed within a way from outside that both versions have. */
export function refinementOf({ change, added, removed }: OutsideChange): readonly string[] {
  if (change !== 'changed') return [];
  return [
    ...(added === null ? [] : [`opened where ${conditionsText({ conditions: added })}`]),
    ...(removed === null ? [] : [`closed where ${conditionsText({ conditions: removed })}`]),
  ];
}

/** A change of a way from outside in one line. */
function outsideChangeText(change: OutsideChange): string {
  const refinement = refinementOf(change);
  const more = refinement.length === 0 ? '' : ` (${effectOf(change)}: ${refinement.join('; ')})`;
  return `${outsideText(change.way)}${more}`;
}

/** Why the calls passed in one version and what stopped them in the other. */
export function becauseOf({ example }: ChangedCalls): readonly string[] {
  if (example === null) return [];
  return (['before', 'after'] as const).map((version) => {
    const answer = example[version];
    return `${version}: ${answer === null ? 'no such caller or callee, an account and a trust domain being part of a caller' : `${answer.verdict}, ${answer.because}`}`;
  });
}

/** What opened or closed within a changed grant, in words. */
export function conditionsText({ conditions }: Pick<ChangedCalls, 'conditions'>): string {
  return conditions.length === 0 ? 'nothing else matters' : conditions.join(', ');
}

/** `2 added, at most 0 allowed`. */
export function limitText({ limit, most, counted }: BudgetLine): string {
  const names = {
    added: 'added',
    removed: 'removed',
    changed: 'changed',
    weakened: 'weakened',
    internetPaths: 'new ways from the internet',
  };
  return `${counted.length} ${names[limit]}, at most ${most ?? 'any number'} allowed`;
}

/** What counts, in one line. */
export function countedText(counted: Counted): string {
  switch (counted.kind) {
    case 'grant':
      return grantText(counted.change.grant);
    case 'weakening':
      return weakeningText(counted.weakening);
    case 'path':
      return wayText(counted.path);
    case 'outside':
      return outsideChangeText(counted.change);
  }
}

/** What the budget has to say, the lines that exceed it first. */
export function budgetLines({
  lines,
  excused,
  idle,
}: BudgetVerdict): readonly { readonly holds: boolean; readonly text: string }[] {
  const exceeded = lines.filter((line) => line.exceeded);
  const said = exceeded.map((line) => ({ holds: false, text: `over budget: ${limitText(line)}` }));
  const reasons = excused.map(({ what, reason }) => ({
    holds: true,
    text: `allowed: ${countedText(what)} (${reason})`,
  }));
  const over = idle.map(({ at, reason, why }) => ({
    holds: true,
    text: `${at.file}:${at.line}: this allowance is ${why}: ${reason}`,
  }));
  return [...said, ...(exceeded.length === 0 ? [{ holds: true, text: 'within budget' }] : []), ...reasons, ...over];
}
