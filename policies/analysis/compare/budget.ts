/** How much a change may open: a file beside the manifests, which their reviewers own. */
import { Cursor, type Source } from '../../language/parse-cursor.ts';
import { type Problem, problem, type Result } from '../../language/problem.ts';
import { isDay } from '../lint/suppression.ts';

/** What is counted, in the order in which it is told. */
export const BUDGET_LIMITS = ['added', 'removed', 'changed', 'weakened', 'internetPaths'] as const;

/** One of `BUDGET_LIMITS`. */
export type BudgetLimit = (typeof BUDGET_LIMITS)[number];

/** What a difference may hold. */
export interface Budget {
  /** How many of each may remain once what is allowed by pattern is taken out; null is any number. */
  readonly most: Readonly<Record<BudgetLimit, number | null>>;
  readonly allowed: readonly Allowance[];
}

/** Grants or weakened layers that do not count; in every text `*` stands for any characters. */
export interface Allowance {
  readonly of: 'grant' | 'weakening';
  /** By member: `from`, `to`, `port`, `method`, `path` of a grant; `layer`, `workload` of a weakening. */
  readonly patterns: Readonly<Record<string, string>>;
  readonly reason: string;
  /** Last day on which it counts, `YYYY-MM-DD`; null without end. */
  readonly until: string | null;
  readonly at: Problem['at'];
}

/** Nothing may be opened or weakened; calls may be taken away. */
const DEFAULTS: Budget['most'] = { added: 0, removed: null, changed: 0, weakened: 0, internetPaths: 0 };

const PATTERNS: Readonly<Record<Allowance['of'], readonly string[]>> = {
  grant: ['from', 'to', 'port', 'method', 'path'],
  weakening: ['layer', 'workload'],
};

/**
 * Parses a budget, version 1 (`budget.schema.json`).
 * Errors: `budget/version`, `budget/type`, `budget/unknown-member`; all at once, each at its line.
 */
export function parseBudget(source: Source): Result<Budget> {
  const problems: Problem[] = [];
  const report = (code: string, at: Cursor, message: string) =>
    problems.push(problem(`budget/${code}`, message, at.at()));
  const root = new Cursor(source);
  if (root.get('version').value !== 1) report('version', root.get('version'), 'expected 1');
  const known = (at: Cursor, members: readonly string[]) => {
    for (const [name, member] of at.entries())
      if (!members.includes(name))
        report('unknown-member', member, `unknown member \`${name}\`: known here are ${members.join(', ')}`);
  };
  known(root, ['version', 'most', 'allowed']);
  known(root.get('most'), BUDGET_LIMITS);
  const most = { ...DEFAULTS };
  for (const limit of BUDGET_LIMITS) {
    const at = root.get('most', limit);
    if (root.get('most').hasNull(limit)) most[limit] = null;
    else if (Number.isInteger(at.value) && Number(at.value) >= 0) most[limit] = Number(at.value);
    else if (at.isPresent()) report('type', at, 'expected a count, or null for any number');
  }
  const allowed = root
    .get('allowed')
    .items()
    .flatMap((at) => parseAllowance(at, { known, report }));
  if (root.get('allowed').isPresent() && !Array.isArray(root.get('allowed').value))
    report('type', root.get('allowed'), 'expected a list');
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: { most, allowed } };
}

interface Reporting {
  readonly known: (at: Cursor, members: readonly string[]) => void;
  readonly report: (code: string, at: Cursor, message: string) => void;
}

function parseAllowance(at: Cursor, { known, report }: Reporting): readonly Allowance[] {
  known(at, ['grant', 'weakening', 'reason', 'until']);
  const kinds = (['grant', 'weakening'] as const).filter((kind) => at.get(kind).isPresent());
  const [of] = kinds;
  if (of === undefined || kinds.length > 1) report('type', at, 'expected either `grant` or `weakening`');
  const reason = at.get('reason').text();
  if (reason.trim() === '') report('type', at, 'expected a `reason`');
  const until = at.get('until').tryText() ?? null;
  if (until !== null && !isDay(until)) report('type', at.get('until'), `expected YYYY-MM-DD, got \`${until}\``);
  if (of === undefined) return [];
  known(at.get(of), PATTERNS[of]);
  if (at.get(of).entries().length === 0) report('type', at.get(of), `expected one of ${PATTERNS[of].join(', ')}`);
  return [{ of, patterns: at.get(of).labels(), reason, until, at: at.at() }];
}
