/** Lint results as SARIF 2.1.0. Source: OASIS SARIF 2.1.0, sections 3.13, 3.27, 3.49. */
import { CODES } from '../../analysis/lint/checks.ts';
import type { Finding, LintResult, Severity, SourcePlace } from '../../analysis/lint/finding.ts';

const LEVELS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', note: 'note' };

/** One run with every rule, a result for each finding, and suppressed findings with their justification. */
export function lintSarif({ findings, suppressed }: LintResult): string {
  const results = [
    ...findings.map((finding) => resultOf(finding)),
    ...suppressed.map(({ finding, reason }) => ({
      ...resultOf(finding),
      suppressions: [{ kind: 'inSource', justification: reason }],
    })),
  ];
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      { tool: { driver: { name: 'meshwright', rules: CODES.map(ruleOf) } }, columnKind: 'utf16CodeUnits', results },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf({ code, severity, title, resolution }: (typeof CODES)[number]) {
  return {
    id: code,
    shortDescription: { text: title },
    fullDescription: { text: resolution },
    help: { text: resolution },
    defaultConfiguration: { level: LEVELS[severity] },
  };
}

function resultOf({ code, severity, message, at, subject, sources }: Finding) {
  const ruleIndex = CODES.findIndex((entry) => entry.code === code);
  return {
    ruleId: code,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: message },
    locations: [
      {
        ...place(at),
        logicalLocations: [
          { fullyQualifiedName: `${subject.kind} ${subject.namespace}/${subject.name}`, kind: 'object' },
        ],
      },
    ],
    ...(sources.length === 0
      ? {}
      : {
          relatedLocations: sources.map((source, id) => ({
            id,
            ...place(source),
            message: { text: 'generated from here' },
          })),
        }),
  };
}

function place({ file, line }: SourcePlace) {
  const uri = file.split('/').map(encodeURIComponent).join('/');
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine: line } } };
}
