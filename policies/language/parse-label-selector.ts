/** Parses the label selectors of Kubernetes. */
import type { LabelSelector } from './mesh.ts';
import type { Cursor } from './parse-cursor.ts';

/** Parses a Kubernetes label selector. */
export function parseLabelSelector(selector: Cursor): LabelSelector {
  return {
    labels: selector.get('matchLabels').labels(),
    expressions: selector
      .get('matchExpressions')
      .items()
      .map((entry) => {
        const operator = entry.textOf('operator');
        return {
          key: entry.textOf('key'),
          operator: operator === 'NotIn' || operator === 'Exists' || operator === 'DoesNotExist' ? operator : 'In',
          values: entry.get('values').texts(),
        };
      }),
  };
}
