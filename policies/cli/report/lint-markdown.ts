/** Lint results as Markdown, for a comment on a pull request. */
import type { Finding, LintResult } from '../../analysis/lint/finding.ts';
import { countLine } from './lint-text.ts';

/** A headline with the counts and a table; suppressed findings fold away. */
export function lintMarkdown(result: LintResult): string {
  const { findings, suppressed } = result;
  const table =
    findings.length === 0
      ? ['No findings.']
      : ['| severity | code | finding | place |', '| --- | --- | --- | --- |', ...findings.map(row)];
  const silenced = suppressed.map(
    ({ finding, reason, until }) =>
      `- \`${finding.code}\` ${place(finding)}: ${cell(reason)}${until === null ? '' : ` (until ${until})`}`,
  );
  const folded =
    silenced.length === 0 ? [] : ['', '<details><summary>Suppressed</summary>', '', ...silenced, '', '</details>'];
  return [`### Meshwright ${countLine(result)}`, '', ...table, ...folded, ''].join('\n');
}

function row(finding: Finding): string {
  return `| ${finding.severity} | \`${finding.code}\` | ${cell(finding.message)} | ${place(finding)} |`;
}

const place = ({ at }: Finding) => `\`${at.file}:${at.line}\``;

/** Text that stays within its cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
