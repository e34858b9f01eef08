/** Reads the requests that are to be sent to a cluster. */
import { parseRequest } from '../../analysis/index.ts';
import { type Problem, problem, type Result } from '../../language/problem.ts';
import { DEFAULT_LIMITS, readFileWithin } from '../limits.ts';
import type { Chosen } from './chosen.ts';

/** Reads JSON Lines. Errors: those of `readFileWithin` and `parseRequest`, `request/json`; `at.line` is the line's. */
export async function readChosen(file: string): Promise<Result<readonly Chosen[]>> {
  const content = await readFileWithin(file, DEFAULT_LIMITS.inputBytes);
  if (!content.ok) return content;
  const problems: Problem[] = [];
  const chosen: Chosen[] = [];
  for (const [index, line] of content.value.split('\n').entries()) {
    if (line.trim() === '') continue;
    const read = readLine(line);
    if (read.ok) chosen.push(read.value);
    else for (const each of read.problems) problems.push({ ...each, at: { ...each.at, file, line: index + 1 } });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: chosen };
}

function readLine(line: string): Result<Chosen> {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    const message = `no JSON: ${(cause as Error).message}`;
    return { ok: false, problems: [problem('request/json', message, { file: '', path: '', line: 1 })] };
  }
  const request = parseRequest(json);
  if (!request.ok) return request;
  const { expected } = json as { readonly expected?: unknown };
  return {
    ok: true,
    value: { request: request.value, expected: expected === 'allow' || expected === 'deny' ? expected : null },
  };
}
