/** S1 to S14: the shape of AuthorizationPolicies. */
import { type Change, dropping, type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import { type Spot, withValue } from '../spot.ts';
import { isDefaultDeny, operations, policies, rules, sources } from './policy-text.ts';

const withRules = (materials: Materials): readonly Spot[] =>
  policies(materials).filter((policy) => !isDefaultDeny(policy));

const actionOf = (policy: Spot): string => policy.get('spec', 'action').text() || 'ALLOW';

function* switchAction(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    const action = actionOf(policy);
    if (action !== 'ALLOW' && action !== 'DENY') continue;
    const other = action === 'ALLOW' ? 'DENY' : 'ALLOW';
    yield rewriting(policy.get('spec', 'action'), other, `${action} became ${other}`);
  }
}

function* disarm(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    if (actionOf(policy) === 'AUDIT') continue;
    yield rewriting(policy.get('spec', 'action'), 'AUDIT', `${actionOf(policy)} became AUDIT`);
    yield rewriting(policy.get('metadata', 'annotations', 'istio.io/dry-run'), 'true', 'the policy became a dry run');
  }
}

function* duplicateRules(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    const list = policy.get('spec', 'rules');
    for (const rule of list.items())
      yield rewriting(list, [...list.items().map(({ value }) => value), rule.value], 'a rule stands twice');
  }
}

const deleteMember = (member: 'from' | 'to' | 'when') =>
  function* sketch(materials: Materials): Iterable<Sketch> {
    for (const rule of rules(materials)) {
      const part = rule.get(member);
      if (part.isPresent()) yield rewriting(part, undefined, `\`${member}\` of a rule was deleted`);
    }
  };

/** One source with the lists of two: what stood for OR between sources becomes AND of their fields. */
function* mergeSources(materials: Materials): Iterable<Sketch> {
  for (const rule of rules(materials)) {
    const list = rule.get('from');
    if (list.items().length < 2) continue;
    const merged: Record<string, readonly unknown[]> = {};
    for (const source of list.items())
      for (const [field, values] of source.get('source').members())
        merged[field] = [...(merged[field] ?? []), ...values.items().map(({ value }) => value)];
    yield rewriting(list, [{ source: merged }], 'the sources of a rule became one');
  }
}

/** The stray dash: two fields that were both needed become alternatives. */
function* splitParts(materials: Materials): Iterable<Sketch> {
  for (const part of [...sources(materials), ...operations(materials)]) {
    const [first, ...others] = part.members();
    if (first === undefined || others.length === 0) continue;
    const name = String(part.steps.at(-1));
    const index = Number(part.steps.at(-2));
    const alternatives = [
      { [name]: { [first[0]]: first[1].value } },
      { [name]: Object.fromEntries(others.map(([key, { value }]) => [key, value])) },
    ];
    const list = part.up(2);
    const items = list.items().map(({ value }) => value);
    const what = `\`${first[0]}\` became a ${name} of its own`;
    yield rewriting(list, items.toSpliced(index, 1, ...alternatives), what);
  }
}

/** A to x and B to y become {A, B} to {x, y}. */
function* mergeRules(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    const list = policy.get('spec', 'rules');
    const items = list.items();
    for (const [index, first] of items.entries()) {
      for (const second of items.slice(index + 1)) {
        const kept = items.filter((item) => item !== first && item !== second).map(({ value }) => value);
        yield rewriting(
          list,
          [...kept, product(first, second)],
          `rules ${index} and ${second.steps.at(-1)} became one`,
        );
      }
    }
  }
}

function product(first: Spot, second: Spot): unknown {
  const joined = (member: string) => {
    const parts = [first, second].map((rule) => rule.get(member).items());
    // an absent `from` or `to` means everything; conditions are ANDed
    if (member !== 'when' && parts.some((part) => part.length === 0)) return [];
    const texts = new Map(parts.flat().map(({ value }) => [JSON.stringify(value), value]));
    return [...texts.values()];
  };
  const members = ['from', 'to', 'when'].map((member) => [member, joined(member)] as const);
  return Object.fromEntries(members.filter(([, list]) => list.length > 0));
}

function* moveConditions(materials: Materials): Iterable<Sketch> {
  for (const policy of policies(materials)) {
    const items = policy.get('spec', 'rules').items();
    for (const [index, rule] of items.entries()) {
      const next = items[(index + 1) % items.length];
      if (next === undefined || next === rule) continue;
      for (const condition of rule.get('when').items()) {
        const target = next.get('when');
        const values = [...target.items().map(({ value }) => value), condition.value];
        const emptied = rule.get('when').items().length === 1;
        const rest = emptied ? rule.get('when').without() : condition.without();
        const value = withValue(rest, target.steps, values);
        const changes = (): readonly Change[] => [{ kind: 'rewrite', document: policy.document, value }];
        yield { spot: condition, what: `a condition moved to rule ${next.steps.at(-1)}`, changes };
      }
    }
  }
}

/** The operators on the structure of policies. */
export const STRUCTURE: readonly Operator[] = [
  operator('S1', 'ALLOW and DENY exchanged', switchAction),
  operator('S2', 'a policy only audits, or is a dry run', disarm),
  operator('S3', 'a policy is dropped', (materials) =>
    withRules(materials).map((policy) => dropping(policy, 'the policy was dropped')),
  ),
  operator('S4', 'a rule is dropped', (materials) =>
    rules(materials).map((rule) => rewriting(rule, undefined, 'a rule was dropped')),
  ),
  operator('S5', 'a rule stands twice', duplicateRules),
  operator('S6', 'no rule is left', (materials) =>
    withRules(materials).map((policy) => rewriting(policy.get('spec', 'rules'), [], 'all rules were dropped')),
  ),
  operator('S7', 'one rule that matches everything', (materials) =>
    policies(materials).map((policy) => rewriting(policy.get('spec', 'rules'), [{}], 'the rules became `[{}]`')),
  ),
  operator('S8', '`from` is deleted', deleteMember('from')),
  operator('S9', '`to` is deleted', deleteMember('to')),
  operator('S10', '`when` is deleted', deleteMember('when')),
  operator('S11', 'sources merged into one', mergeSources),
  operator('S12', 'a source or operation split in two', splitParts),
  operator('S13', 'two rules merged crosswise', mergeRules),
  operator('S14', 'a condition moved to another rule', moveConditions),
];
