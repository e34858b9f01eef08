/** Reads how much a change may open. */
import { type Budget, parseBudget } from '../analysis/compare/budget.ts';
import type { Result } from '../language/problem.ts';
import { readValue } from '../language/read-value.ts';
import { DEFAULT_LIMITS, readFileWithin } from './limits.ts';

/** Reads a budget, YAML or JSON. Errors: those of `readFileWithin`, `readValue` and `parseBudget`. */
export async function readBudget(file: string): Promise<Result<Budget>> {
  const text = await readFileWithin(file, DEFAULT_LIMITS.inputBytes);
  if (!text.ok) return text;
  const read = readValue(file, text.value);
  return read.ok ? parseBudget(read.value) : read;
}
