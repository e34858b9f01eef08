import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { InputError } from './input-error.ts';
import type { DeclaredIntent } from './meaning.ts';

const repair = 'synthesize it with `make synth`';

/** The declared intent of a rendered environment. Errors: InputError naming the file and the first faults. */
export async function readIntent(dist: string): Promise<DeclaredIntent> {
  const file = join(dist, 'intent.json');
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`${file}: cannot be read: ${cause.code ?? cause.message}`, repair, { cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${file}: expected JSON: ${(cause as Error).message}`, repair, { cause });
  }
  const parsed = parseIntent(json, file);
  if (parsed.ok) return json as DeclaredIntent;
  const told = parsed.problems.slice(0, 5).map(({ at, code, message }) => `${file}: ${at.path}: ${code}: ${message}`);
  throw new InputError(told.join('\n'), repair);
}
