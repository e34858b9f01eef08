/** Answers one line of a request file. */
import { type Answer, type Decider, parseRequest, toAnswer } from '../analysis/index.ts';
import type { Problem } from '../language/problem.ts';

/** What stands in place of an answer when a line is no request. `id` is null when the line has none. */
export interface LineError {
  readonly id: unknown;
  readonly error: { readonly code: string; readonly message: string };
}

/** Decides one line. Errors: `request/json`, those of `parseRequest`, `request/unknown-workload`; all in one message. */
export function answerLine(decider: Decider, line: string): Answer | LineError {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { id: null, error: { code: 'request/json', message: 'the line is not JSON' } };
  }
  const request = parseRequest(json);
  if (!request.ok) return lineError(json, request.problems);
  const problems = decider.check(request.value);
  if (problems.length > 0) return lineError(json, problems);
  const verdict = decider.decide(request.value);
  return toAnswer(request.value, verdict, decider.follow(request.value, verdict));
}

function lineError(json: unknown, problems: readonly Problem[]): LineError {
  const id: unknown = typeof json === 'object' && json !== null && 'id' in json ? json.id : null;
  const message = problems.map((found) => found.message).join('; ');
  return { id, error: { code: problems[0]?.code ?? 'request/json', message } };
}
