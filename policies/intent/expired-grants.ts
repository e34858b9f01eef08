import type { Grant, Intent } from './grant.ts';

/**
 * The grants whose last day lies before `day` (`2027-06-30`): on its last day a grant still holds.
 * Synthesis never asks this, so that its output does not depend on the clock; `make check` and `verify --on` do.
 */
export function expiredGrants(intent: Intent, day: string): readonly Grant[] {
  return [...intent.grants, ...intent.platform].filter((grant) => grant.expires !== undefined && grant.expires < day);
}
