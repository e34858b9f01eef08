/** Lint results as JUnit XML: a test case for each code, failing with its findings. */
import { CODES } from '../../analysis/lint/checks.ts';
import type { Finding, LintResult } from '../../analysis/lint/finding.ts';

/** One suite; a code with findings is a failure, one with suppressed findings alone is skipped. */
export function lintJunit({ findings, suppressed }: LintResult): string {
  const cases = CODES.map(({ code }) => {
    const own = findings.filter((finding) => finding.code === code);
    const silenced = suppressed.filter(({ finding }) => finding.code === code);
    return { code, own, silenced };
  });
  const failures = cases.filter(({ own }) => own.length > 0).length;
  const skipped = cases.filter(({ own, silenced }) => own.length === 0 && silenced.length > 0).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="meshwright lint" tests="${cases.length}" failures="${failures}">`,
    `  <testsuite name="lint" tests="${cases.length}" failures="${failures}" skipped="${skipped}">`,
    ...cases.map(({ code, own, silenced }) => {
      const open = `    <testcase classname="lint" name="${xmlText(code)}"`;
      if (own.length > 0) return `${open}>\n${own.map(failure).join('\n')}\n    </testcase>`;
      return silenced[0] === undefined
        ? `${open}/>`
        : `${open}><skipped message="${xmlText(silenced[0].reason)}"/></testcase>`;
    }),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function failure({ severity, message, at }: Finding): string {
  return `      <failure type="${severity}" message="${xmlText(message)}">${xmlText(`${at.file}:${at.line}: ${message}`)}</failure>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for XML: entities, and nothing that XML 1.0 forbids. */
function xmlText(text: string): string {
  return text
    .replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}
