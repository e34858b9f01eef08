/** Lint results for people: one finding a line, grouped by file, then the counts. */
import { type Finding, type LintResult, SEVERITIES, type Severity } from '../../analysis/lint/finding.ts';
import type { Paint, Tone } from './paint.ts';

/** Warnings and notes of one code that are written out; the rest of them is one line. Errors are all written. */
const WRITTEN_OUT = 3;
/** Places that such a line names. */
const NAMED = 4;

/** The whole result, ending with a line break; findings of one code beyond the first few are counted unless `all`. */
export function lintText({ findings, suppressed }: LintResult, paint: Paint, all: 'all' | 'some' = 'some'): string {
  const lines: string[] = [];
  const counts = new Map<string, number>();
  const beyond: Finding[] = [];
  let file = '';
  for (const finding of findings) {
    const count = (counts.get(finding.code) ?? 0) + 1;
    counts.set(finding.code, count);
    if (all === 'some' && finding.severity !== 'error' && count > WRITTEN_OUT) {
      beyond.push(finding);
      continue;
    }
    if (finding.at.file !== file) {
      if (file !== '') lines.push('');
      file = finding.at.file;
    }
    lines.push(findingLine(finding, paint));
  }
  for (const { finding, reason, until } of suppressed)
    lines.push(`${findingLine(finding, paint)}\n    suppressed${until === null ? '' : ` until ${until}`}: ${reason}`);
  if (beyond.length > 0) lines.push('', ...moreLines(beyond, paint), '(--all writes them out)');
  if (lines.length > 0) lines.push('');
  return `${[...lines, countLine({ findings, suppressed })].join('\n')}\n`;
}

/** `9 more [network/egress-open]: f.yaml:80, f.yaml:129 and 7 more places`. */
function moreLines(beyond: readonly Finding[], paint: Paint): readonly string[] {
  return [...Map.groupBy(beyond, ({ code }) => code)].map(([code, findings]) => {
    const places = findings.slice(0, NAMED).map(({ at }) => `${at.file}:${at.line}`);
    const rest = findings.length > NAMED ? `, and ${findings.length - NAMED} more places` : '';
    const [first] = findings;
    const tone = first === undefined ? 'quiet' : TONES[first.severity];
    return `${paint(tone, `${findings.length} more`)} [${code}]: ${places.join(', ')}${rest}`;
  });
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
