/** Lint results as JSON, version 1 (`lint.schema.json`). */
import type { Finding, LintResult } from '../../analysis/lint/finding.ts';

/** The whole result, ending with a line break. */
export function lintJson({ findings, suppressed }: LintResult): string {
  const json = {
    version: 1,
    findings: findings.map(plain),
    suppressed: suppressed.map(({ finding, reason, until }) => ({ ...plain(finding), reason, until })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function plain({ code, severity, message, subject, at, sources }: Finding) {
  return { code, severity, message, object: subject, file: at.file, line: at.line, path: at.path, sources };
}
