/** What every report of `reach` reads. */
import type { Reached } from '../../analysis/compare/blast-radius.ts';
import type { OutsideWay } from '../../analysis/compare/outside.ts';
import type { Reach } from '../../analysis/compare/reach.ts';

/** The grants that were asked for, and how far a compromised caller gets. */
export interface ReachReport {
  readonly reach: Reach;
  /** Null when no caller was asked for. */
  readonly reached: readonly Reached[] | null;
  /** The ways through gateways, end to end; null unless what is outside was asked for. */
  readonly outside: readonly OutsideWay[] | null;
}
