/** Answers one line of a request file. */
import { type Answer, type Decider, parseRequest, toAnswer } from '../analysis/index.ts';
import type { Problem } from '../language/problem.ts';

/** What stands in place of an answer when a line is no request. `id` is null when the line has none. */
export interface LineError {
  readonly id: unknown;
  readonly error: { readonly code: string; readonly message: string };
}

/** What a line came to, with the verdict that it says it expects; undefined where it says none. */
export interface AnsweredLine {
  readonly answer: Answer | LineError;
  readonly expected: unknown;
}

/** Decides one line. Errors: `request/json`, those of `parseRequest`, `request/unknown-workload`; all in one message. */
export function answerLine(decider: Decider, line: string): AnsweredLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return {
      answer: { id: null, error: { code: 'request/json', message: 'the line is not JSON' } },
      expected: undefined,
    };
  }
  const expected: unknown = typeof json === 'object' && json !== null && 'expected' in json ? json.expected : undefined;
  return { answer: answered(decider, json), expected };
}

function answered(decider: Decider, json: unknown): Answer | LineError {
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
