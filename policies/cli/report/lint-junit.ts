/** Lint results as JUnit XML: a test case for each code, failing with its findings. */
import { CODES } from '../../analysis/lint/checks.ts';
import type { LintResult } from '../../analysis/lint/finding.ts';
import { type JUnitCase, junit } from './junit.ts';

/** One suite; a code with findings is a failure, one with suppressed findings alone is skipped. */
export function lintJunit({ findings, suppressed }: LintResult): string {
  const cases = CODES.map(({ code }): JUnitCase => {
    const own = findings.filter((finding) => finding.code === code);
    const [first] = own;
    if (first !== undefined) {
      const message = own.map(({ at, message: text }) => `${at.file}:${at.line}: ${text}`).join('\n');
      return { name: code, failure: { type: first.severity, message } };
    }
    const silenced = suppressed.find(({ finding }) => finding.code === code);
    return silenced === undefined ? { name: code } : { name: code, skipped: silenced.reason };
  });
  return junit('meshwright lint', [{ name: 'lint', cases }]);
}
