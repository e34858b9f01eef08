/** `make synth`: writes `dist/<environment>/` for every environment (and `-issuer` where SPIRE signs), or every problem to the error output. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { admissions } from '#policies/intent/index.ts';
import { catalog } from '#services/catalog.ts';
import { type Environment, environments } from './environments/index.ts';
import { type SynthesisProblem, type SynthesisResult, synthesize } from './synthesize.ts';

/** What a run of synthesis touches. */
export interface SynthesisRun {
  /** The repository: JWKS files are read below it, `dist/` is written below it. */
  readonly root: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** @default - the services of this repository */
  readonly catalog?: typeof catalog;
}

/** Exit codes of house rule 30 that synthesis uses. */
export const exitCodes = { holds: 0, inputInvalid: 3 } as const;

/** Writes every environment, or none of them when one has problems. */
export function main(run: SynthesisRun): number {
  const results = environments.map((environment) => ({ environment, result: synthesizeEnvironment(environment, run) }));
  const problems = results.flatMap(({ environment, result }) =>
    result.ok ? [] : result.problems.map((found) => `${environment.name}: ${printProblem(found)}`),
  );
  for (const problem of problems) run.err(problem);
  if (problems.length > 0) return exitCodes.inputInvalid;
  for (const { environment, result } of results) {
    if (!result.ok) continue;
    write(environment.name, result.files, run);
    write(`${environment.name}-issuer`, result.issuer, run);
  }
  return exitCodes.holds;
}

function synthesizeEnvironment(environment: Environment, run: SynthesisRun): SynthesisResult {
  const { jwksFile } = environment.users;
  const file = join(run.root, jwksFile);
  if (!existsSync(file)) return { ok: false, problems: [missingKeys(jwksFile)] };
  const jwks = readFileSync(file, 'utf8');
  return synthesize({ environment, catalog: run.catalog ?? catalog, admissions, jwks });
}

const missingKeys = (jwksFile: string): SynthesisProblem => ({
  code: 'jwks/missing',
  message: 'no public keys of the token issuer',
  files: [jwksFile],
  construct: '',
  help: 'run `node infra/local/main.ts keys`, which makes development keys once',
});

/** Replaces the whole folder, so that nothing of an earlier run stays behind. */
function write(name: string, files: ReadonlyMap<string, string>, run: SynthesisRun): void {
  const folder = join(run.root, 'dist', name);
  rmSync(folder, { recursive: true, force: true });
  if (files.size === 0) return;
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  run.out(`dist/${name}: ${files.size} files\n`);
}

function printProblem({ code, message, files, construct, help }: SynthesisProblem): string {
  const place = construct === '' ? '' : ` (construct ${construct})`;
  return `${files.join(' and ')}${place}: ${code}: ${message}${help === undefined ? '' : `; ${help}`}\n`;
}

if (import.meta.main) {
  process.exitCode = main({
    root: fileURLToPath(new URL('../', import.meta.url)),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}
