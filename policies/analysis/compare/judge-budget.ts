/** Holds a difference against a budget. */
import type { Problem } from '../../language/problem.ts';
import type { Allowance, Budget, BudgetLimit } from './budget.ts';
import { BUDGET_LIMITS } from './budget.ts';
import type { MeshDifference } from './diff.ts';
import type { GrantChange } from './grant-change.ts';
import type { InternetPath } from './internet-paths.ts';
import type { OutsideChange } from './outside-changes.ts';
import type { Weakening } from './weakening/weakening.ts';

/** What counts against one limit. */
export type Counted =
  | { readonly kind: 'grant'; readonly change: GrantChange }
  | { readonly kind: 'weakening'; readonly weakening: Weakening }
  | { readonly kind: 'path'; readonly path: InternetPath }
  | { readonly kind: 'outside'; readonly change: OutsideChange };

/** One limit and what counts against it. */
export interface BudgetLine {
  readonly limit: BudgetLimit;
  /** Null is any number. */
  readonly most: number | null;
  readonly counted: readonly Counted[];
  readonly exceeded: boolean;
}

/** A difference held against a budget. */
export interface BudgetVerdict {
  readonly lines: readonly BudgetLine[];
  /** What an allowance took out of the count, with its reason. */
  readonly excused: readonly { readonly what: Counted; readonly reason: string }[];
  /** Allowances that are over, or that nothing needs. */
  readonly idle: readonly { readonly at: Problem['at']; readonly reason: string; readonly why: 'expired' | 'unused' }[];
}

/** Counts what is new against each limit; `on` is the day, `YYYY-MM-DD`. */
export function judgeBudget(difference: MeshDifference, budget: Budget, on: string): BudgetVerdict {
  const current = budget.allowed.filter(({ until }) => until === null || until >= on);
  const excused: { readonly what: Counted; readonly reason: string }[] = [];
  const used = new Set<Allowance>();
  const remaining = (items: readonly Counted[]) =>
    items.filter((what) => {
      const allowance = current.find((each) => covers(each, what));
      if (allowance === undefined) return true;
      used.add(allowance);
      excused.push({ what, reason: allowance.reason });
      return false;
    });
  const lines = BUDGET_LIMITS.map((limit): BudgetLine => {
    const counted = remaining(itemsOf(difference, limit));
    const most = budget.most[limit];
    return { limit, most, counted, exceeded: most !== null && counted.length > most };
  });
  const idle = budget.allowed
    .filter((allowance) => !used.has(allowance))
    .map((allowance) => ({
      at: allowance.at,
      reason: allowance.reason,
      why: current.includes(allowance) ? ('unused' as const) : ('expired' as const),
    }));
  return { lines, excused, idle };
}

function itemsOf({ changes, weakened, paths, outside }: MeshDifference, limit: BudgetLimit): readonly Counted[] {
  switch (limit) {
    case 'added':
    case 'removed':
    case 'changed':
      return changes.filter(({ change }) => change === limit).map((change) => ({ kind: 'grant', change }));
    case 'weakened':
      return weakened.map((weakening) => ({ kind: 'weakening', weakening }));
    case 'internetPaths':
      return [
        ...paths.filter(({ change }) => change === 'added').map((path) => ({ kind: 'path' as const, path })),
        // one that was widened lets calls in that had no way before; one that was only narrowed opens nothing
        ...outside.filter(({ added }) => added !== null).map((change) => ({ kind: 'outside' as const, change })),
      ];
  }
}

function covers({ of, patterns }: Allowance, what: Counted): boolean {
  if (what.kind !== of) return false;
  const texts = what.kind === 'grant' ? textsOf(what.change) : what.kind === 'weakening' ? layerOf(what.weakening) : {};
  return Object.entries(patterns).every(([member, pattern]) => fits(pattern, texts[member] ?? ''));
}

function textsOf({ grant: { source, destination, http } }: GrantChange): Readonly<Record<string, string>> {
  return {
    from: source.kind === 'workload' ? `${source.namespace}/${source.workload}` : (source.principal ?? 'plaintext'),
    to: `${destination.namespace}/${destination.workload}`,
    port: String(destination.port),
    method: http?.method ?? '',
    path: http?.path ?? '',
  };
}

const layerOf = ({ kind, workload }: Weakening): Readonly<Record<string, string>> => ({
  layer: kind,
  workload: workload ?? '',
});

/**
 * True iff the pattern covers every text that `text` stands for. A star of the pattern also covers the stars of a grant
 * that is a pattern itself, and a star of the grant is covered by nothing less.
 */
function fits(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
