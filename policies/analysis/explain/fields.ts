/** Why a rule does not match a call: its failing fields as the author wrote them. Source: semantics.md 3.3. */
import type { Clause, Rule, RulePart } from '../../language/authorization.ts';
import { locate, type SourceDocument } from '../../language/document.ts';
import type { Step } from '../../language/problem.ts';
import type { Profile } from '../profile.ts';
import { covers, type Facts } from '../rules.ts';
import { callValue } from './call-value.ts';
import type { FieldMiss } from './explanation.ts';

/** One failing clause with the place of its field. */
export interface FailingClause {
  readonly clause: Clause;
  /** Steps to the values and to the not-values. */
  readonly values: readonly Step[];
  readonly notValues: readonly Step[];
  /** True iff a not-value matched; otherwise no value did. */
  readonly excluded: boolean;
  readonly miss: FieldMiss;
}

/** What `failingClauses` reads besides the rule. */
export interface Reading {
  readonly document: SourceDocument;
  readonly facts: Facts;
  readonly profile: Profile;
}

/** The clauses that refuse the call: of each part the alternative with the fewest of them. */
export function failingClauses(rule: Rule, reading: Reading): readonly FailingClause[] {
  let condition = 0;
  return rule.parts.flatMap((part) => {
    const base: readonly Step[] = ['spec', 'rules', rule.index, part.kind];
    const whens = part.kind === 'when' ? condition++ : 0;
    const alternatives = part.alternatives.map((clauses, index) => {
      const steps =
        part.kind === 'when' ? [...base, whens] : [...base, index, part.kind === 'from' ? 'source' : 'operation'];
      return clauses
        .filter((clause) => !holds(clause, part, reading))
        .map((clause) => failing(clause, part, steps, reading));
    });
    return alternatives.toSorted((left, right) => left.length - right.length)[0] ?? [];
  });
}

/**
 * The fields by which a rule matches the call: of each part the first alternative that does, and none of a part that
 * matches only since the port does not read all of it.
 */
export function matchingFields(rule: Rule, reading: Reading): readonly string[] {
  let condition = 0;
  return rule.parts.flatMap((part) => {
    const whens = part.kind === 'when' ? condition++ : 0;
    const index = part.alternatives.findIndex((clauses) => clauses.every((clause) => holds(clause, part, reading)));
    const base: readonly Step[] = ['spec', 'rules', rule.index, part.kind];
    if (part.kind === 'when') {
      const key = String(valueAt(reading.document, [...base, whens, 'key']) ?? '');
      return listsAt(reading, [...base, whens]).map((text) => `when ${key} ${text}`);
    }
    return listsAt(reading, [...base, index, part.kind === 'from' ? 'source' : 'operation']);
  });
}

/** The lists of values at a place, in one line each. */
function listsAt({ document }: Reading, steps: readonly Step[]): readonly string[] {
  const written = valueAt(document, steps);
  return Object.entries(typeof written === 'object' && written !== null ? written : {}).flatMap(([name, values]) => {
    if (!Array.isArray(values)) return [];
    const more = values.length > 4 ? ` | … ${values.length - 4} more` : '';
    return [`${name} ${values.slice(0, 4).join(' | ')}${more}`];
  });
}

/** True iff one clause holds, asked through a rule of nothing else. */
function holds(clause: Clause, part: RulePart, { document, facts, profile }: Reading): boolean {
  const alone: Rule = { index: 0, parts: [{ ...part, alternatives: [[clause]] }], at: locate(document, []) };
  return covers(alone, facts, profile);
}

function failing(clause: Clause, part: RulePart, steps: readonly Step[], reading: Reading): FailingClause {
  const { document } = reading;
  const field = part.kind === 'when' ? 'values' : (FIELDS[fieldKey(clause)] ?? clause.on);
  const notField = part.kind === 'when' ? 'notValues' : `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;
  const excluded = clause.values.length === 0 || holds({ ...clause, notValues: [] } as Clause, part, reading);
  const values = [...steps, field];
  const notValues = [...steps, notField];
  const at = locate(document, excluded ? notValues : values);
  const key = String(valueAt(document, [...steps, 'key']) ?? '');
  const written = valueAt(document, excluded ? notValues : values);
  const name = part.kind === 'when' ? `when ${key}${excluded ? ' (notValues)' : ''}` : excluded ? notField : field;
  const expected = Array.isArray(written) ? written.map(String) : [];
  return {
    clause,
    values,
    notValues,
    excluded,
    miss: { field: name, expected, got: callValue(clause, reading.facts), file: at.file, line: at.line },
  };
}

/** The value at a path of a document, undefined when nothing stands there. */
export function valueAt(document: Pick<SourceDocument, 'value'>, steps: readonly Step[]): unknown {
  return steps.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    document.value,
  );
}

const FIELDS: Readonly<Record<string, string>> = {
  principal: 'principals',
  namespace: 'namespaces',
  serviceAccount: 'serviceAccounts',
  trustDomain: 'trustDomains',
  requestPrincipal: 'requestPrincipals',
  source: 'ipBlocks',
  remote: 'remoteIpBlocks',
  host: 'hosts',
  port: 'ports',
  method: 'methods',
  path: 'paths',
};

function fieldKey(clause: Clause): string {
  if (clause.on === 'peer') return clause.field;
  return clause.on === 'address' ? clause.of : clause.on;
}
