/** Writes what `mutate` found, for programs, version 1 (`mutation.schema.json`). */
import type { Mutation } from '../../analysis/mutate/mutation.ts';
import { scoreOf } from './mutation.ts';

/** The whole result, ending with a line break. */
export function mutationJson(mutation: Mutation): string {
  const { trials, probes, grants, refutedBefore } = mutation;
  const plain = trials.map(({ mutant, fate, verify, lint, probe, witness }) => ({
    id: mutant.id,
    operator: mutant.operator.code,
    object: mutant.object,
    file: mutant.at.file,
    line: mutant.at.line,
    what: mutant.what,
    fate,
    killedBy: { verify, lint, probe: probe === null ? null : `probe-${probe}` },
    witness,
  }));
  return `${JSON.stringify({ version: 1, score: scoreOf(mutation), grants, refutedBefore, mutants: plain, probes }, null, 2)}\n`;
}
