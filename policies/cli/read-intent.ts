/** Reads the declared relation. */
import { readFile } from 'node:fs/promises';
import { type Intent, parseIntent } from '../analysis/compare/intent.ts';
import { problem, type Result } from '../language/problem.ts';

/** Reads an `intent.json`. Errors: `input/not-found`, `intent/json`, and those of `parseIntent`. */
export async function readIntent(file: string): Promise<Result<Intent>> {
  const at = { file, path: '', line: 1 };
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return { ok: false, problems: [problem('input/not-found', 'no such file', at)] };
  try {
    return parseIntent(JSON.parse(content), file);
  } catch {
    return { ok: false, problems: [problem('intent/json', 'expected a JSON object', at)] };
  }
}
