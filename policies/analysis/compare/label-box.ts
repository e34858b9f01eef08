/** Sets of labels that some requirements hold for: pods that nobody declared may carry any labels. */
import type { LabelExpression, LabelSelector, Labels } from '../../language/mesh.ts';
import { satisfies } from '../attachment.ts';

/** The requirements of a selector, all of which hold for what it selects. */
export function requirementsOf({ labels, expressions }: LabelSelector): readonly LabelExpression[] {
  const equal = Object.entries(labels).map(([key, value]): LabelExpression => equals(key, value));
  return [...equal, ...expressions];
}

/** The requirement that a label has a value. */
export const equals = (key: string, value: string): LabelExpression => ({ key, operator: 'In', values: [value] });

const OPPOSITES = { In: 'NotIn', NotIn: 'In', Exists: 'DoesNotExist', DoesNotExist: 'Exists' } as const;

const negated = ({ key, operator, values }: LabelExpression): LabelExpression => ({
  key,
  operator: OPPOSITES[operator],
  values,
});

/** Labels that meet all requirements and that none of the selectors selects; undefined where there are none. */
export function tryPickLabels(
  requirements: readonly LabelExpression[],
  avoided: readonly LabelSelector[] = [],
): Labels | undefined {
  const [first, ...rest] = avoided;
  if (first === undefined) return pick(requirements);
  for (const requirement of requirementsOf(first)) {
    const found = tryPickLabels([...requirements, negated(requirement)], rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Each label is decided by itself, and a value that no requirement names stands for all such. */
function pick(requirements: readonly LabelExpression[]): Labels | undefined {
  const picked: (readonly [key: string, value: string])[] = [];
  for (const [key, own] of Map.groupBy(requirements, (each) => each.key)) {
    const named = own.flatMap(({ values }) => values);
    const holds = (labels: Labels) => own.every((each) => satisfies(each, labels));
    if (holds({})) continue;
    const found = [...named, unnamed(named)].find((value) => holds({ [key]: value }));
    if (found === undefined) return undefined;
    picked.push([key, found]);
  }
  return Object.fromEntries(picked);
}

function unnamed(values: readonly string[]): string {
  let value = 'any';
  while (values.includes(value)) value += 'x';
  return value;
}
