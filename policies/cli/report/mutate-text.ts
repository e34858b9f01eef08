/** Writes what `mutate` found, for people. */
import type { Mutation, Trial } from '../../analysis/mutate/mutation.ts';
import { byGroup, type MutationScore, scoreOf, survivorsOf } from './mutation.ts';

const SHOWN = 20;

/** The report for people. */
export function mutationText(mutation: Mutation): string {
  const { trials } = mutation;
  const score = scoreOf(mutation);
  const lines = [
    'group        mutants rejected equivalent | to notice  verify  probes of those a request shows',
    ...groupLines(trials),
    '',
    `killed by verify   ${ratio(score.killedByVerify, score.live)} of the mutants that are not proven equivalent`,
    ...probeScore(mutation, score),
    `killed at admission ${score.rejected}, apart: ${gatesOf(trials)}`,
    `hidden             ${trials.filter(({ fate }) => fate.kind === 'hidden').length}: a layer changed and no request shows it: others stop every call, or it is about pods and keys`,
    `unknown            ${score.unknown}`,
    ...mutation.refutedBefore.slice(0, SHOWN).map((text) => `note: the original is refuted already: ${text}`),
    ...survivorLines(mutation),
    '',
    'universe: callers with any certificate or none, from any address, and every workload through all its',
    'layers, an undeclared pod in each namespace included; any port, method, path, host, header and token',
  ];
  return `${lines.join('\n')}\n`;
}

function probeScore({ probes, grants }: Mutation, score: MutationScore): readonly string[] {
  const perGrant = grants === null ? '' : `, ${(probes.length / Math.max(grants, 1)).toFixed(2)} a grant (${grants})`;
  const all = `killed by probes   ${ratio(score.killedByProbes, score.different)} of those that a request shows, with ${probes.length} probes${perGrant}`;
  if (score.killedByThreeAGrant === null || grants === null || probes.length <= 3 * grants) return [all];
  return [
    all,
    `                   ${ratio(score.killedByThreeAGrant, score.different)} with the first ${3 * grants}, three a grant`,
  ];
}

function groupLines(trials: readonly Trial[]): readonly string[] {
  return [...byGroup(trials)].map(([group, own]) => {
    const score = scoreOf({ trials: own, grants: null });
    const cells = [score.mutants, score.rejected, score.equivalent].map((count) => String(count));
    const [mutants = '', rejected = '', equivalent = ''] = cells;
    return `${group.padEnd(12)} ${mutants.padStart(7)} ${rejected.padStart(8)} ${equivalent.padStart(10)} | ${String(score.live).padStart(9)} ${String(score.killedByVerify).padStart(7)} ${`${score.killedByProbes}/${score.different}`.padStart(9)}`;
  });
}

function ratio(part: number, whole: number): string {
  return whole === 0 ? '0 of 0' : `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;
}

function tally(keys: readonly string[]): string {
  return [...Map.groupBy(keys, (key) => key)]
    .map(([key, all]) => `${key} ${all.length}`)
    .toSorted()
    .join(', ');
}

function gatesOf(trials: readonly Trial[]): string {
  const gates = trials.flatMap(({ fate }) => (fate.kind === 'rejected' ? [fate.code.split('/')[0] ?? ''] : []));
  return gates.length === 0 ? 'none' : tally(gates);
}

function survivorLines(mutation: Mutation): readonly string[] {
  const survivors = survivorsOf(mutation);
  const lines = survivors
    .slice(0, SHOWN)
    .flatMap(({ mutant, fate, lint, witness }) => [
      `  ${mutant.id} ${mutant.object} (${mutant.at.file}:${mutant.at.line}): ${mutant.what}${lint === null ? '' : ` [lint: ${lint}]`}`,
      ...(fate.kind === 'hidden' ? [`    changes ${fate.layers.join(', ')}; no request shows it`] : []),
      ...(fate.kind === 'unknown' ? [`    not decided: ${fate.because}`] : []),
      ...(witness === null
        ? []
        : [
            `    original ${witness.original.verdict}, mutant ${witness.mutant.verdict}: ${witness.mutant.because}`,
            `    request: ${JSON.stringify(witness.request)}`,
          ]),
    ]);
  const more = survivors.length - SHOWN;
  const byOperator = tally(survivors.map(({ mutant }) => mutant.operator.code));
  return survivors.length === 0
    ? ['', 'no mutant survives verify']
    : [
        '',
        `${survivors.length} survive verify (${byOperator}):`,
        ...lines,
        ...(more > 0 ? [`  and ${more} more (--format json shows all)`] : []),
      ];
}
