/** Prints problems for people: place, message, code, repair. */
import type { Problem } from '../../language/problem.ts';

/** One problem on one or two lines: `file:line: path: message [code]`, then the repair. */
export function printProblem(problem: Problem): string {
  const path = problem.at.path === '' ? '' : ` ${problem.at.path}:`;
  const help = problem.help === undefined ? '' : `\n  help: ${problem.help}`;
  return `${problem.at.file}:${problem.at.line}:${path} ${problem.message} [${problem.code}]${help}`;
}
