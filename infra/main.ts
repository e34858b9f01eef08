/** `make synth`: writes `dist/<environment>/` for every environment, or every problem to the error output. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { admissions } from '#policies/intent/index.ts';
import { catalog } from '#services/catalog.ts';
import { type Environment, environments } from './environments/index.ts';
import { type SynthesisProblem, type SynthesisResult, synthesize } from './synthesize.ts';

const root = new URL('../', import.meta.url).pathname;

/** Exit codes of house rule 30 that synthesis uses. */
const exitCodes = { holds: 0, inputInvalid: 3 } as const;

function synthesizeEnvironment(environment: Environment): SynthesisResult {
  const { jwksFile } = environment.users;
  if (!existsSync(join(root, jwksFile)))
    return {
      ok: false,
      problems: [
        {
          code: 'jwks/missing',
          message: 'no public keys of the token issuer',
          files: [jwksFile],
          construct: '',
          help: 'run `node infra/local/main.ts keys`, which makes development keys once',
        },
      ],
    };
  return synthesize({ environment, catalog, admissions, jwks: readFileSync(join(root, jwksFile), 'utf8') });
}

function write(environment: Environment, files: ReadonlyMap<string, string>): void {
  const folder = join(root, 'dist', environment.name);
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  process.stdout.write(`dist/${environment.name}: ${files.size} files\n`);
}

function printProblem({ code, message, files, construct, help }: SynthesisProblem): string {
  const place = construct === '' ? '' : ` (construct ${construct})`;
  return `${files.join(' and ')}${place}: ${code}: ${message}${help === undefined ? '' : `; ${help}`}\n`;
}

const results = environments.map((environment) => ({ environment, result: synthesizeEnvironment(environment) }));
const problems = results.flatMap(({ environment, result }) =>
  result.ok ? [] : result.problems.map((problem) => `${environment.name}: ${printProblem(problem)}`),
);
if (problems.length > 0) {
  process.stderr.write(problems.join(''));
  process.exitCode = exitCodes.inputInvalid;
} else {
  for (const { environment, result } of results) if (result.ok) write(environment, result.files);
  process.exitCode = exitCodes.holds;
}
