/** Lint results as SARIF 2.1.0. */
import { CODES } from '../../analysis/lint/checks.ts';
import type { Finding, LintResult } from '../../analysis/lint/finding.ts';
import { type SarifResult, sarif } from './sarif.ts';

/** One run with every rule, a result for each finding, and suppressed findings with their justification. */
export function lintSarif({ findings, suppressed }: LintResult): string {
  const rules = CODES.map(({ code, severity, title, resolution }) => ({
    id: code,
    title,
    help: resolution,
    level: severity,
  }));
  const results = [
    ...findings.map((finding) => resultOf(finding, null)),
    ...suppressed.map(({ finding, reason }) => resultOf(finding, reason)),
  ];
  return sarif(rules, results);
}

function resultOf({ code, severity, message, at, subject, sources }: Finding, suppressed: string | null): SarifResult {
  const object = `${subject.kind} ${subject.namespace}/${subject.name}`;
  return { rule: code, level: severity, message, at, object, sources, suppressed };
}
