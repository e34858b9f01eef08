/** An explanation for programs, version 1 (`explanation.schema.json`). */
import type { Explanation } from '../../analysis/explain/explanation.ts';

/** The whole explanation, ending with a line break. */
export function explanationJson(explanation: Explanation): string {
  return `${JSON.stringify(explanation, null, 2)}\n`;
}
