/** Lint results as Markdown, for a comment on a pull request. */
import type { Finding, LintResult } from '../../analysis/lint/finding.ts';
import { countLine } from './lint-text.ts';
import { cell, folded, table } from './markdown.ts';

/** A headline with the counts and a table; suppressed findings fold away. */
export function lintMarkdown(result: LintResult): string {
  const { findings, suppressed } = result;
  const found =
    findings.length === 0 ? ['No findings.'] : table(['severity', 'code', 'finding', 'place'], findings.map(row));
  const silenced = suppressed.map(
    ({ finding, reason, until }) =>
      `- \`${finding.code}\` ${place(finding)}: ${cell(reason)}${until === null ? '' : ` (until ${until})`}`,
  );
  return [`### Meshwright ${countLine(result)}`, '', ...found, ...folded('Suppressed', silenced), ''].join('\n');
}

function row(finding: Finding): readonly string[] {
  return [finding.severity, `\`${finding.code}\``, cell(finding.message), place(finding)];
}

const place = ({ at }: Finding) => `\`${at.file}:${at.line}\``;
