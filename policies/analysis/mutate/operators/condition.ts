/** C1 to C6: conditions. */
import { type Materials, type Operator, operator, rewriting, type Sketch } from '../mutant.ts';
import { conditions, renamed } from './policy-text.ts';

function* dropped(materials: Materials): Iterable<Sketch> {
  for (const condition of conditions(materials)) {
    const list = condition.up(1);
    const dropped = list.items().length === 1 ? list : condition;
    yield rewriting(dropped, undefined, `the condition on \`${condition.get('key').text()}\` was dropped`);
  }
}

function* negated(materials: Materials): Iterable<Sketch> {
  for (const condition of conditions(materials))
    for (const [from, to] of [
      ['values', 'notValues'],
      ['notValues', 'values'],
    ] as const)
      if (condition.get(from).isPresent() && !condition.get(to).isPresent())
        yield rewriting(condition, renamed(condition.value, from, to), `\`${from}\` became \`${to}\``);
}

/** Keys become others by a function that gives none where it does not apply. */
const rekeyed = (spell: (key: string) => readonly string[]) =>
  function* sketch(materials: Materials): Iterable<Sketch> {
    for (const condition of conditions(materials)) {
      const key = condition.get('key');
      for (const other of spell(key.text())) yield rewriting(key, other, `\`${key.text()}\` became \`${other}\``);
    }
  };

const typo = (start: string) => (key: string) =>
  key.startsWith(start) && key.endsWith(']') ? [`${key.slice(0, -1)}s]`] : [];

function* lists(materials: Materials): Iterable<Sketch> {
  for (const condition of conditions(materials)) {
    const key = condition.get('key');
    if (key.text().startsWith('request.auth.claims['))
      yield rewriting(key, `${key.text()}[values]`, `\`${key.text()}\` became a claim inside a claim`);
    for (const entry of condition.get('values').items()) {
      const text = `${entry.text()}*`;
      if (!entry.text().includes('*')) yield rewriting(entry, text, `\`${entry.text()}\` became \`${text}\``);
    }
  }
}

/** The operators on conditions. */
export const CONDITION: readonly Operator[] = [
  operator('C1', 'a condition is dropped', dropped),
  operator('C2', 'a condition negated', negated),
  operator(
    'C3',
    'a claim misspelt',
    rekeyed((key) =>
      key === 'request.auth.audiences' ? ['request.auth.claims[audience]'] : typo('request.auth.claims[')(key),
    ),
  ),
  operator('C4', 'a header misspelt', rekeyed(typo('request.headers['))),
  operator(
    'C5',
    'an unknown key',
    rekeyed((key) => [key.replace(/^(\w+)\./, '$1s.')]),
  ),
  operator('C6', 'a claim read as a list, a value as a prefix', lists),
];
