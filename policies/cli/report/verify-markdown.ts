/** A verification as Markdown, for a comment on a pull request. */
import type { Counterexample } from '../../analysis/compare/counterexample.ts';
import type { Obligation } from '../../analysis/compare/obligation.ts';
import { cell, code, folded, table } from './markdown.ts';
import type { ObjectPlaces } from './object-places.ts';
import { blameOf, NO_INTENT, outcomeText, sourcesText, TITLES, type VerificationReport } from './verification.ts';

const SHOWN = 10;

/** A headline, the statements as a table, the nearest counterexamples; their requests and the notes fold away. */
export function verificationMarkdown({ verification, intent, places }: VerificationReport): string {
  const { obligations, workloads, ports, grants } = verification;
  const refuted = obligations.filter(({ status }) => status === 'refuted').length;
  const open = obligations.filter(({ status }) => status === 'unknown').length;
  const headline = refuted > 0 ? `${refuted} refuted` : open > 0 ? `${open} not decided` : 'everything proved';
  return [
    `### Meshwright verify: ${headline}`,
    '',
    ...table(
      ['statement', 'outcome'],
      obligations.map((obligation) => [TITLES[obligation.name], outcomeText(obligation)]),
    ),
    ...obligations.flatMap((obligation) => details(obligation, places)),
    '',
    ...verification.notChecked.map((text) => `- not checked: ${cell(text)}`),
    `${workloads} workloads, ${ports} ports, ${grants} grants${intent === null ? `; ${NO_INTENT}` : ''}`,
    '',
  ].join('\n');
}

function details({ name, counterexamples, notes, assumptions }: Obligation, places: ObjectPlaces): readonly string[] {
  const shown = counterexamples.slice(0, SHOWN);
  const rows = shown.map((found) => row(found, places));
  const more = counterexamples.length - shown.length;
  const examples =
    rows.length === 0
      ? []
      : ['', `**${TITLES[name]}**`, '', ...table(['call', 'expected', 'got', 'because', 'place'], rows)];
  const requests = shown.map(({ request }) => `- ${code(JSON.stringify(request))}`);
  const remarks = [...assumptions.map((text) => `assuming ${text}`), ...notes].map((text) => `- ${cell(text)}`);
  return [
    ...examples,
    ...(more > 0 ? ['', `and ${more} more`] : []),
    ...folded('Requests', requests),
    ...folded(`Notes: ${TITLES[name]}`, remarks),
  ];
}

function row(found: Counterexample, places: ObjectPlaces): readonly string[] {
  const { at, sources } = blameOf(found, places);
  const where = [
    ...(at === null ? [] : [`${at.file}:${at.line}`]),
    ...(sources.length === 0 ? [] : [sourcesText(sources)]),
  ];
  return [
    code(found.cell),
    found.expected,
    found.decided.verdict,
    cell(found.change),
    where.map((text) => code(text)).join(', '),
  ];
}
