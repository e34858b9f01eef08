/** Suppressions: `meshwright.dev/ignore: CODE reason… [until 2027-01-01]`, one a line, on the object a finding is about. */
import { parseNamed } from '../../language/parse-traffic.ts';
import type { Context } from './context.ts';
import {
  type Check,
  type Finding,
  isSameSubject,
  type LintResult,
  type Sighting,
  type Subject,
  type SuppressedFinding,
} from './finding.ts';

/** The annotation. */
const ANNOTATION = 'meshwright.dev/ignore';

interface Suppression {
  readonly subject: Subject;
  readonly code: string;
  readonly reason: string;
  readonly until: string | null;
  readonly sighting: Sighting;
}

/** What can be wrong with a suppression; `lint` raises these itself. */
export const SUPPRESSION_FAULTS: readonly Omit<Check<never>, 'find'>[] = [
  {
    code: 'suppression/no-reason',
    severity: 'error',
    title: 'a suppression gives no reason',
    resolution:
      'A suppression counts only with a reason after the code, of at least two words: `meshwright.dev/ignore: authz/deny-positive the legacy path goes away with v2 until 2027-01-01`. The next reader must be able to judge whether it still holds.',
  },
  {
    code: 'suppression/unknown-code',
    severity: 'error',
    title: 'a suppression names an unknown code',
    resolution:
      'No finding has this code, so the suppression silences nothing. `meshwright lint --explain list` prints all codes.',
  },
  {
    code: 'suppression/bad-date',
    severity: 'error',
    title: 'a suppression ends on a day that does not exist',
    resolution:
      'Write the last day on which the suppression counts as `until YYYY-MM-DD` at the end of the line. With another form the suppression does not count.',
  },
  {
    code: 'suppression/expired',
    severity: 'warning',
    title: 'a suppression has expired',
    resolution:
      'The last day of the suppression is over and its finding is reported again. Repair what it silenced, or decide anew and set a later day.',
  },
  {
    code: 'suppression/unused',
    severity: 'note',
    title: 'a suppression silences nothing',
    resolution:
      'The object has no finding of this code any more. Remove the line, so that it does not silence a later one.',
  },
];

/**
 * Takes the findings that suppressions silence out and adds what is wrong with the suppressions themselves.
 * `on` is the day in question, as YYYY-MM-DD.
 */
export function applySuppressions(
  context: Context,
  found: readonly Finding[],
  options: { readonly on: string; readonly codes: ReadonlySet<string> },
): LintResult {
  const read = suppressionsOf(context);
  const faults: Finding[] = [];
  const valid = read.filter((each) => {
    const fault = faultOf(each, options);
    if (fault !== undefined) faults.push(finding(fault, each));
    return fault === undefined;
  });
  const suppressed: SuppressedFinding[] = [];
  const used = new Set<Suppression>();
  const open = found.filter((each) => {
    const by = valid.find(
      (suppression) => suppression.code === each.code && isSameSubject(suppression.subject, each.subject),
    );
    if (by === undefined) return true;
    used.add(by);
    suppressed.push({ finding: each, reason: by.reason, until: by.until });
    return false;
  });
  const unused = valid.filter((each) => !used.has(each)).map((each) => finding('suppression/unused', each));
  return { findings: [...open, ...faults, ...unused], suppressed };
}

function faultOf(
  { code, reason, until }: Suppression,
  { on, codes }: { readonly on: string; readonly codes: ReadonlySet<string> },
): string | undefined {
  if (!codes.has(code)) return 'suppression/unknown-code';
  if (reason.split(/\s+/).length < 2) return 'suppression/no-reason';
  if (until === null) return undefined;
  if (!isDay(until)) return 'suppression/bad-date';
  return until < on ? 'suppression/expired' : undefined;
}

/** True iff the text is a day of the calendar, as YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const parsed = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  return parsed !== undefined && !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text);
}

function finding(code: string, { sighting, code: about, until }: Suppression): Finding {
  const entry = SUPPRESSION_FAULTS.find((fault) => fault.code === code);
  const day = until === null ? '' : `, until ${until}`;
  return {
    ...sighting,
    sources: [],
    code,
    severity: entry?.severity ?? 'error',
    message: `suppression of \`${about}\`${day}: ${entry?.title ?? code}`,
  };
}

function suppressionsOf({ documents }: Context): readonly Suppression[] {
  return documents.flatMap((document) => {
    const annotation = document.get('metadata', 'annotations', ANNOTATION);
    const { namespace, name } = parseNamed(document);
    const subject = { kind: document.get('kind').text(), namespace, name };
    return annotation
      .text()
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => ({ ...parseLine(line), subject, sighting: { subject, message: '', at: annotation.at() } }));
  });
}

function parseLine(line: string): Pick<Suppression, 'code' | 'reason' | 'until'> {
  const [code = '', ...words] = line.split(/\s+/);
  const dated = words.at(-2) === 'until';
  return { code, reason: (dated ? words.slice(0, -2) : words).join(' '), until: dated ? (words.at(-1) ?? null) : null };
}
