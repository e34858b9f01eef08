/** Lint results for people: one finding a line, grouped by file, then the counts. */
import type { CodeEntry } from '../../analysis/lint/checks.ts';
import { type Finding, type LintResult, SEVERITIES } from '../../analysis/lint/finding.ts';

/** The whole result, ending with a line break. */
export function lintText({ findings, suppressed }: LintResult): string {
  const lines: string[] = [];
  let file = '';
  for (const finding of findings) {
    if (finding.at.file !== file) {
      if (file !== '') lines.push('');
      file = finding.at.file;
    }
    lines.push(findingLine(finding));
  }
  for (const { finding, reason, until } of suppressed)
    lines.push(`${findingLine(finding)}\n    suppressed${until === null ? '' : ` until ${until}`}: ${reason}`);
  if (lines.length > 0) lines.push('');
  return `${[...lines, countLine({ findings, suppressed })].join('\n')}\n`;
}

function findingLine({ at, severity, message, code, sources }: Finding): string {
  const from = sources.length === 0 ? '' : ` (from ${sources.map(({ file, line }) => `${file}:${line}`).join(', ')})`;
  return `${at.file}:${at.line}: ${severity}: ${message} [${code}]${from}`;
}

/** `lint: 1 error, 0 warnings, 2 notes, 0 suppressed`. */
export function countLine({ findings, suppressed }: LintResult): string {
  const counts = SEVERITIES.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return `${count} ${severity}${count === 1 ? '' : 's'}`;
  });
  return `lint: ${counts.join(', ')}, ${suppressed.length} suppressed`;
}

/** A code's paragraph, as `--explain` prints it. */
export function codeText({ code, severity, title, resolution }: CodeEntry): string {
  return `${code} (${severity}): ${title}\n\n${wrap(resolution, 100)}\n`;
}

function wrap(text: string, width: number): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.length - 1;
    const line = lines[last] ?? '';
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[last] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
