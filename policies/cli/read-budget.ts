/** Reads how much a change may open. */
import { readFile } from 'node:fs/promises';
import { type Budget, parseBudget } from '../analysis/compare/budget.ts';
import { problem, type Result } from '../language/problem.ts';
import { readValue } from '../language/read-value.ts';

/** Reads a budget, YAML or JSON. Errors: `input/not-found`, and those of `readValue` and `parseBudget`. */
export async function readBudget(file: string): Promise<Result<Budget>> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined)
    return { ok: false, problems: [problem('input/not-found', 'no such file', { file, path: '', line: 1 })] };
  const read = readValue(file, text);
  return read.ok ? parseBudget(read.value) : read;
}
