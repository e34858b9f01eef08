/** Lint results for people: one finding a line, grouped by file, then the counts. */
import { type Finding, type LintResult, SEVERITIES, type Severity } from '../../analysis/lint/finding.ts';
import type { Paint, Tone } from './paint.ts';

/** The whole result, ending with a line break. */
export function lintText({ findings, suppressed }: LintResult, paint: Paint): string {
  const lines: string[] = [];
  let file = '';
  for (const finding of findings) {
    if (finding.at.file !== file) {
      if (file !== '') lines.push('');
      file = finding.at.file;
    }
    lines.push(findingLine(finding, paint));
  }
  for (const { finding, reason, until } of suppressed)
    lines.push(`${findingLine(finding, paint)}\n    suppressed${until === null ? '' : ` until ${until}`}: ${reason}`);
  if (lines.length > 0) lines.push('');
  return `${[...lines, countLine({ findings, suppressed })].join('\n')}\n`;
}

const TONES: Readonly<Record<Severity, Tone>> = { error: 'bad', warning: 'careful', note: 'quiet' };

function findingLine({ at, severity, message, code, sources }: Finding, paint: Paint): string {
  const from = sources.length === 0 ? '' : ` (from ${sources.map(({ file, line }) => `${file}:${line}`).join(', ')})`;
  return `${at.file}:${at.line}: ${paint(TONES[severity], severity)}: ${message} [${code}]${from}`;
}

/** `lint: 1 error, 0 warnings, 2 notes, 0 suppressed`. */
export function countLine({ findings, suppressed }: LintResult): string {
  const counts = SEVERITIES.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return `${count} ${severity}${count === 1 ? '' : 's'}`;
  });
  return `lint: ${counts.join(', ')}, ${suppressed.length} suppressed`;
}
