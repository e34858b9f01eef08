/** SARIF 2.1.0 of any tool run. Source: OASIS SARIF 2.1.0, sections 3.13, 3.27, 3.28, 3.49. */
import type { SourcePlace } from '../../analysis/lint/finding.ts';

/** What a result can be about. */
export interface SarifRule {
  readonly id: string;
  readonly title: string;
  readonly help: string;
  readonly level: SarifLevel;
}

/** How grave a result is. */
export type SarifLevel = 'error' | 'warning' | 'note';

/** One result: the line of YAML, and the lines of source code that it was generated from. */
export interface SarifResult {
  readonly rule: string;
  readonly level: SarifLevel;
  readonly message: string;
  /** Null where no line of the input is to blame. */
  readonly at: SourcePlace | null;
  /** The object, such as `AuthorizationPolicy shop/cart`. */
  readonly object: string | null;
  readonly sources: readonly SourcePlace[];
  /** Why it does not count; null where it does. */
  readonly suppressed: string | null;
  /**
   * What programs may want to know besides (SARIF 3.8).
   * @default - no property bag
   */
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** The log of one run, ending with a line break. */
export function sarif(rules: readonly SarifRule[], results: readonly SarifResult[]): string {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'meshwright', rules: rules.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: results.map((result) => resultOf(result, rules)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf({ id, title, help, level }: SarifRule) {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: help },
    help: { text: help },
    defaultConfiguration: { level },
  };
}

function resultOf(result: SarifResult, rules: readonly SarifRule[]) {
  const { rule, level, message, at, object, sources, suppressed, properties } = result;
  const logical = object === null ? {} : { logicalLocations: [{ fullyQualifiedName: object, kind: 'object' }] };
  const related = sources.map((source, id) => ({ id, ...place(source), message: { text: 'generated from here' } }));
  return {
    ruleId: rule,
    ruleIndex: rules.findIndex(({ id }) => id === rule),
    level,
    message: { text: message },
    locations: at === null ? [] : [{ ...place(at), ...logical }],
    ...(related.length === 0 ? {} : { relatedLocations: related }),
    ...(suppressed === null ? {} : { suppressions: [{ kind: 'inSource', justification: suppressed }] }),
    ...(properties === undefined ? {} : { properties }),
  };
}

function place({ file, line }: SourcePlace) {
  const uri = file.split('/').map(encodeURIComponent).join('/');
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine: line } } };
}
