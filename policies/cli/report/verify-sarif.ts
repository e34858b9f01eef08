/** A verification as SARIF 2.1.0: a result for each counterexample, at the line of YAML that would have to change. */
import type { Obligation } from '../../analysis/compare/obligation.ts';
import type { ObjectPlaces } from './object-places.ts';
import { type SarifResult, sarif } from './sarif.ts';
import { blameOf, TITLES, type VerificationReport } from './verification.ts';

/** One run; statements that are refuted without a request, or not decided, are results without a place. */
export function verificationSarif({ verification, places }: VerificationReport): string {
  const rules = verification.obligations.map(({ name }) => ({
    id: `verify/${name}`,
    title: TITLES[name],
    help: `Proved for every request, or refuted with one: ${TITLES[name]}.`,
    level: 'error' as const,
  }));
  return sarif(
    rules,
    verification.obligations.flatMap((obligation) => resultsOf(obligation, places)),
  );
}

function resultsOf({ name, status, counterexamples, notes }: Obligation, places: ObjectPlaces): readonly SarifResult[] {
  if (status === 'proved' || status === 'conditional') return [];
  const rule = `verify/${name}`;
  const level = status === 'refuted' ? 'error' : 'warning';
  const found = counterexamples.map((example): SarifResult => {
    const { cell, expected, decided, change, request, keptOutBy } = example;
    const message = `${cell}: expected ${expected}, got ${decided.verdict}. ${change}. Request: ${JSON.stringify(request)}`;
    const properties = keptOutBy === undefined ? {} : { properties: { keptOutBy } };
    return { rule, level, message, ...blameOf(example, places), suppressed: null, ...properties };
  });
  const remarks = counterexamples.length > 0 ? [] : notes;
  return [
    ...found,
    ...remarks.map(
      (message) => ({ rule, level, message, at: null, object: null, sources: [], suppressed: null }) as const,
    ),
  ];
}
