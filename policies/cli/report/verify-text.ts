/** A verification for people. */
import type { Counterexample } from '../../analysis/compare/counterexample.ts';
import type { Obligation } from '../../analysis/compare/obligation.ts';
import type { ObjectPlaces } from './object-places.ts';
import type { Paint, Tone } from './paint.ts';
import { blameOf, helpText, NO_INTENT, sourcesText, TITLES, type VerificationReport } from './verification.ts';

/** Each statement with what refutes it, then what was looked at. */
export function verificationText({ verification, intent, places }: VerificationReport, paint: Paint): string {
  const lines = verification.obligations.flatMap((obligation) => obligationLines(obligation, places, paint));
  const universe = `${verification.workloads} workloads, ${verification.ports} ports, ${verification.grants} grants`;
  lines.push('', universe);
  lines.push(UNIVERSE);
  for (const left of verification.notChecked) lines.push(`not checked: ${left}`);
  if (intent === null) lines.push(NO_INTENT);
  return `${lines.join('\n')}\n`;
}

/** What the proofs quantify over, and what they leave out (`policies/analysis/symbolic/DECISIONS.md`). */
const UNIVERSE =
  'universe: any certificate (URI SANs, DNS SANs, subject) or none, any port, method, path, host, header, address, token and metadata of filters; ztunnel and waypoints from documentation, not executed';

const SHOWN = 12;
const TONES: Readonly<Record<Obligation['status'], Tone>> = {
  proved: 'good',
  conditional: 'careful',
  refuted: 'bad',
  unknown: 'careful',
};

function obligationLines(obligation: Obligation, places: ObjectPlaces, paint: Paint): readonly string[] {
  const { status, name, assumptions, counterexamples, notes } = obligation;
  const lines = [`${paint(TONES[status], status.padEnd(11))} ${TITLES[name]}`];
  const help = helpText(obligation);
  if (help !== '') lines.push(`  ${help}`);
  for (const assumption of assumptions) lines.push(`  assuming ${assumption}`);
  for (const found of counterexamples.slice(0, SHOWN)) lines.push(...counterexampleLines(found, places));
  const more = counterexamples.length - SHOWN;
  if (more > 0) lines.push(`  and ${more} more (--format json shows all)`);
  for (const note of notes) lines.push(`  note: ${note}`);
  return lines;
}

function counterexampleLines(found: Counterexample, places: ObjectPlaces): readonly string[] {
  const { cell, expected, decided, differsIn, request, change } = found;
  const nearness = differsIn.length === 0 ? '' : ` (a declared call but for: ${differsIn.join(', ')})`;
  const { sources } = blameOf(found, places);
  const verb = expected === 'allow' ? 'declared at' : 'see';
  return [
    `  ${cell}: expected ${expected}, got ${decided.verdict}${nearness}`,
    `    ${change}`,
    `    ${decided.because}`,
    ...(sources.length === 0 ? [] : [`    ${verb} ${sourcesText(sources)}`]),
    `    request: ${JSON.stringify(request)}`,
  ];
}
