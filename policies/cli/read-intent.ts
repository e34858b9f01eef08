/** Reads the declared relation. */
import { type Intent, parseIntent } from '../analysis/compare/intent.ts';
import { problem, type Result } from '../language/problem.ts';
import { DEFAULT_LIMITS, type Limits, readFileWithin } from './limits.ts';

/** Reads an `intent.json`. Errors: those of `readFileWithin`, `intent/json`, and those of `parseIntent`. */
export async function readIntent(file: string, limits: Limits = DEFAULT_LIMITS): Promise<Result<Intent>> {
  const at = { file, path: '', line: 1 };
  const content = await readFileWithin(file, limits.inputBytes);
  if (!content.ok) return content;
  try {
    return parseIntent(JSON.parse(content.value), file);
  } catch {
    return { ok: false, problems: [problem('intent/json', 'expected a JSON object', at)] };
  }
}
