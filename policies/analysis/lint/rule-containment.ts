/**
 * Whether one rule contains another, by their clauses alone: every value of the narrower is one of the wider's values or
 * is matched by one of its patterns. It names the rule to blame where `../rule-parts.ts` has decided that one is idle.
 */
import type { Clause, Pattern, Rule } from '../../language/authorization.ts';

/** What a clause reads, so that clauses of one field are compared with each other. */
function subject(clause: Clause): string {
  const known = subjects.get(clause);
  if (known !== undefined) return known;
  const { values: _values, notValues: _notValues, unusable: _unusable, ...rest } = clause;
  const made = JSON.stringify(rest);
  subjects.set(clause, made);
  return made;
}

const subjects = new WeakMap<Clause, string>();

function isPattern(value: unknown): value is Pattern {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    ['exact', 'prefix', 'suffix', 'nonEmpty', 'present'].includes(String(value.kind))
  );
}

/** True only if every text of `narrow` is one of `wide`. */
function contains(wide: unknown, narrow: unknown): boolean {
  if (JSON.stringify(wide) === JSON.stringify(narrow)) return true;
  if (isPattern(wide) && isPattern(narrow)) return patternContains(wide, narrow);
  const inner = (value: unknown) =>
    typeof value === 'object' && value !== null && 'pattern' in value ? value.pattern : undefined;
  const [left, right] = [inner(wide), inner(narrow)];
  return isPattern(left) && isPattern(right) && patternContains(left, right);
}

function patternContains(wide: Pattern, narrow: Pattern): boolean {
  if (wide.kind === 'present') return true;
  if (wide.kind === 'nonEmpty') return narrow.kind === 'nonEmpty' || ('value' in narrow && narrow.value !== '');
  if (!('value' in narrow)) return false;
  if (wide.kind === 'prefix') return narrow.kind !== 'suffix' && narrow.value.startsWith(wide.value);
  if (wide.kind === 'suffix') return narrow.kind !== 'prefix' && narrow.value.endsWith(wide.value);
  return false;
}

/** True only if `narrow` holding implies that `wide` holds; clauses of one field. */
function clauseImplies(narrow: Clause, wide: Clause): boolean {
  if (narrow.unusable.length + wide.unusable.length > 0 || wide.on === 'unknownKey') return false;
  const values: readonly unknown[] = wide.values;
  const some: readonly unknown[] = narrow.values;
  const valuesImply =
    values.length === 0 || (some.length > 0 && some.every((each) => values.some((other) => contains(other, each))));
  const notValues: readonly unknown[] = narrow.notValues;
  return valuesImply && wide.notValues.every((each) => notValues.some((other) => contains(other, each)));
}

/** True only if every call that `narrow` matches is matched by `wide`. */
export function ruleContains(wide: Rule, narrow: Rule): boolean {
  return wide.parts.every((part) =>
    narrow.parts.some((other) =>
      other.alternatives.every((clauses) =>
        part.alternatives.some((wanted) =>
          wanted.every((clause) =>
            clauses.some((each) => subject(each) === subject(clause) && clauseImplies(each, clause)),
          ),
        ),
      ),
    ),
  );
}
