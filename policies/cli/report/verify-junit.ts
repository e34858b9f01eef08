/** A verification as JUnit XML: a test case for each statement, failing with its counterexamples. */
import type { Obligation } from '../../analysis/compare/obligation.ts';
import { type JUnitCase, junit } from './junit.ts';
import { keeperText, TITLES, type VerificationReport } from './verification.ts';

/** One suite; what could not be decided fails as well, under a type of its own. */
export function verificationJunit({ verification }: VerificationReport): string {
  return junit('meshwright verify', [{ name: 'verify', cases: verification.obligations.map(caseOf) }]);
}

function caseOf({ name, status, counterexamples, notes }: Obligation): JUnitCase {
  if (status === 'proved' || status === 'conditional') return { name: TITLES[name] };
  const lines = counterexamples.map(
    ({ cell, expected, decided, request, keptOutBy }) =>
      `${cell}: expected ${expected}, got ${decided.verdict}, ${decided.because}${keeperText(keptOutBy)}; request ${JSON.stringify(request)}`,
  );
  return { name: TITLES[name], failure: { type: status, message: [...lines, ...notes].join('\n') } };
}
