/**
 * Rules that another rule contains, decided by exact containment of their clauses: every value of the narrower is one of
 * the wider's values or is matched by one of its patterns. What needs the union of several rules is left to `verify`.
 */
import type { Clause, Pattern, Rule } from '../../../language/authorization.ts';
import type { Workload } from '../../../language/mesh.ts';
import { type Context, inPolicy, type MeshCheck, ruleAt, type WrittenPolicy } from '../context.ts';
import type { Sighting } from '../finding.ts';

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

/** Pairs beyond this many in one mesh are left to `verify`. */
const PAIRS = 2_000_000;

function* contained({ policies }: Context, over: 'ALLOW' | 'DENY'): Generator<Sighting> {
  let pairs = 0;
  const wider = policies.filter(({ policy }) => policy.action.kind === over && policy.enforcement === 'enforced');
  const reached = new Map(wider.map((written) => [written, new Set(written.workloads)] as const));
  const byWorkload = new Map<Workload, WrittenPolicy[]>();
  for (const written of wider)
    for (const workload of written.workloads) {
      const list = byWorkload.get(workload);
      if (list === undefined) byWorkload.set(workload, [written]);
      else list.push(written);
    }
  for (const written of policies) {
    const { policy, workloads } = written;
    const [first] = workloads;
    if (policy.action.kind !== 'ALLOW' || policy.enforcement !== 'enforced' || first === undefined) continue;
    const covering = (byWorkload.get(first) ?? []).filter((other) =>
      workloads.every((workload) => reached.get(other)?.has(workload)),
    );
    for (const rule of policy.rules) {
      pairs += covering.reduce((sum, other) => sum + other.policy.rules.length, 0);
      if (pairs > PAIRS) return;
      const found = covering
        .flatMap((other) => other.policy.rules.map((candidate) => ({ other, candidate })))
        .find(({ other, candidate }) => isWider({ written, rule }, { other, candidate }));
      if (found === undefined) continue;
      const name = `rule ${found.candidate.index} of ${over} \`${found.other.policy.namespace}/${found.other.policy.name}\``;
      const message =
        over === 'ALLOW'
          ? `rule ${rule.index} adds nothing: ${name} already allows every call that it matches`
          : `rule ${rule.index} never allows anything: ${name} denies every call that it matches`;
      yield inPolicy(written, message, ruleAt(written, rule.index));
    }
  }
}

/** A rule is not compared with itself; of two equal rules the later one is redundant. */
function isWider(
  narrow: { readonly written: WrittenPolicy; readonly rule: Rule },
  wide: { readonly other: WrittenPolicy; readonly candidate: Rule },
): boolean {
  if (wide.candidate === narrow.rule || !ruleContains(wide.candidate, narrow.rule)) return false;
  const isSame =
    ruleContains(narrow.rule, wide.candidate) && wide.other.workloads.length === narrow.written.workloads.length;
  if (!isSame || wide.other.policy.action.kind === 'DENY') return true;
  return wide.other === narrow.written
    ? wide.candidate.index < narrow.rule.index
    : order(wide.other) < order(narrow.written);
}

const order = ({ policy }: WrittenPolicy) => `${policy.namespace}/${policy.name}`;

/** Checks of rules that other rules contain. */
export const REDUNDANCY: readonly MeshCheck[] = [
  {
    code: 'authz/redundant-rule',
    severity: 'warning',
    title: 'a rule adds nothing',
    resolution:
      'Another ALLOW rule that applies to the same workloads matches every call that this one matches, so removing it changes no verdict: it is left over, or the other rule is wider than was meant. Remove the narrower, or narrow the wider. Rules that only several others together contain are found by `meshwright verify`.',
    find: (context) => contained(context, 'ALLOW'),
  },
  {
    code: 'authz/shadowed-rule',
    severity: 'error',
    title: 'a DENY rule takes back everything a rule allows',
    resolution:
      'DENY is decided first, and this DENY rule matches every call that the ALLOW rule matches: the grant has no effect. Remove one of the two, or except the callers that are meant.',
    find: (context) => contained(context, 'DENY'),
  },
];
