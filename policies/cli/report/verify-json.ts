/** A verification for programs, version 1 (`verification.schema.json`). */
import { blameOf, TITLES, type VerificationReport } from './verification.ts';

/** The whole verification, each counterexample with where it stands in YAML and in source code. */
export function verificationJson({ verification, places, intent }: VerificationReport): string {
  const obligations = verification.obligations.map((obligation) => ({
    ...obligation,
    title: TITLES[obligation.name],
    counterexamples: obligation.counterexamples.map((found) => {
      const { at, object, sources } = blameOf(found, places);
      return { ...found, keptOutBy: found.keptOutBy ?? null, at, object, sources };
    }),
  }));
  return `${JSON.stringify({ version: 1, intentChecked: intent !== null, ...verification, obligations }, null, 2)}\n`;
}
