/**
 * Benchmark `mutate`: how many first-order mutants of our own manifests are noticed. Counts, no times: a sample of the
 * mutants drawn from a seed, all of them with MUTANTS=all.
 */
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { mutate } from '#policies/analysis/mutate/mutate.ts';
import { scoreOf } from '#policies/cli/report/mutation.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { documentsOf, synthesized } from '../support/synthesized.ts';
import { tell } from './budget.ts';

/** A row that counts. */
export interface CountResult {
  readonly name: string;
  readonly count: number;
  readonly of: number;
  /** The least share that is asked for, null where the row informs only. */
  readonly target: number | null;
  readonly holds: boolean;
}

const SAMPLE = 600;
const SEED = 20_261_127;

/** Counts for every environment. */
export async function benchMutate(): Promise<readonly CountResult[]> {
  const limit = process.env['MUTANTS'] === 'all' ? null : SAMPLE;
  const rows: CountResult[] = [];
  for (const environment of ['kind', 'production']) rows.push(...(await scored(environment, limit)));
  return rows;
}

async function scored(environment: string, limit: number | null): Promise<readonly CountResult[]> {
  tell(`mutants of ${environment}`);
  const files = await synthesized(environment);
  const documents = documentsOf(files);
  const mesh = parseMesh(documents);
  const intent = parseIntent(JSON.parse(files.get('intent.json') ?? 'null'), 'intent.json');
  if (!mesh.ok || !intent.ok) throw new Error(`the manifests of ${environment} are refused`);
  const mutation = mutate({
    mesh: mesh.value,
    documents,
    parseOptions: {},
    issuerKeys: new Map(),
    intent: intent.value,
    profile: PROFILES['istio-1.31'],
    on: '2026-11-27',
    limit,
    pairs: 0,
    seed: SEED,
  });
  const score = scoreOf(mutation);
  const drawn = `${environment}, ${score.mutants} mutants${limit === null ? '' : ` drawn with seed ${SEED}`}`;
  const row = (name: string, count: number, of: number, target: number | null): CountResult => ({
    name: `${name} (${drawn})`,
    count,
    of,
    target,
    holds: target === null || count >= target * of,
  });
  return [
    row('not equivalent, killed by verify', score.killedByVerify, score.live, 1),
    row('shown by a request, killed by three probes a grant', score.killedByThreeAGrant ?? 0, score.different, 0.99),
    row('shown by a request, killed by all probes', score.killedByProbes, score.different, null),
    row('proven equivalent', score.equivalent, score.mutants, null),
    row('not decided', score.unknown, score.mutants, null),
  ];
}
