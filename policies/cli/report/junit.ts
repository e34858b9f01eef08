/** JUnit XML of any suites. */

/** A suite of cases. */
export interface JUnitSuite {
  readonly name: string;
  readonly cases: readonly JUnitCase[];
}

/** One case; without `failure` and `skipped` it passed. */
export interface JUnitCase {
  readonly name: string;
  readonly failure?: { readonly type: string; readonly message: string };
  readonly skipped?: string;
}

/** The document, ending with a line break. */
export function junit(name: string, suites: readonly JUnitSuite[]): string {
  const cases = suites.flatMap((suite) => suite.cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${xmlText(name)}" ${counts(cases)}>`,
    ...suites.flatMap((suite) => [
      `  <testsuite name="${xmlText(suite.name)}" ${counts(suite.cases)}>`,
      ...suite.cases.map((each) => testcase(suite.name, each)),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}

const counts = (cases: readonly JUnitCase[]): string =>
  `tests="${cases.length}" failures="${cases.filter(({ failure }) => failure).length}" skipped="${cases.filter(({ skipped }) => skipped !== undefined).length}"`;

function testcase(suite: string, { name, failure, skipped }: JUnitCase): string {
  const open = `    <testcase classname="${xmlText(suite)}" name="${xmlText(name)}"`;
  if (failure !== undefined)
    return `${open}><failure type="${xmlText(failure.type)}" message="${xmlText(failure.message)}"/></testcase>`;
  return skipped === undefined ? `${open}/>` : `${open}><skipped message="${xmlText(skipped)}"/></testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text for XML: entities, and nothing that XML 1.0 forbids. */
function xmlText(text: string): string {
  return text
    .replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}
