/**
 * `make check`: every static check of the repository, a line each, the full output of those that fail. The last
 * line is the counts; the exit code is 0 iff nothing failed.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkBoundaries } from './check-boundaries.ts';
import { checkGrants } from './check-grants.ts';
import { checkHouseRules } from './check-house-rules.ts';
import { checkLicences } from './check-licences.ts';

interface Check {
  readonly name: string;
  /** Resolves to the complaints; none means that the check holds. */
  readonly run: () => Promise<readonly string[]>;
}

function command(program: string, ...args: readonly string[]): () => Promise<readonly string[]> {
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const output: string[] = [];
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve(code === 0 ? [] : [output.join('') || `${program} ended with ${code}`]));
    });
}

async function generatedCodeDrifts(): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'meshwright-gen-'));
  try {
    const generated = await command('buf', 'generate', '--output', folder)();
    if (generated.length > 0) return generated;
    const compared = await command('diff', '-r', join(folder, 'services/gen'), 'services/gen')();
    return compared.map((text) => `services/gen is not what the contracts generate; run \`make gen\`\n${text}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const checks: readonly Check[] = [
  {
    name: 'format and lint',
    run: command('biome', 'ci', '--colors=off', '--error-on-warnings', '--max-diagnostics=50', '.'),
  },
  { name: 'types', run: command('node', 'node_modules/typescript-7/bin/tsc', '--noEmit', '-p', '.') },
  { name: 'boundaries', run: checkBoundaries },
  { name: 'contracts: lint', run: command('buf', 'lint') },
  { name: 'contracts: format', run: command('buf', 'format', '--diff', '--exit-code', 'services/proto') },
  {
    name: 'contracts: breaking changes',
    run: command('buf', 'breaking', 'services/proto', '--against', 'services/proto/released.binpb'),
  },
  { name: 'generated code', run: generatedCodeDrifts },
  { name: 'dead code', run: command('knip', '--no-progress', '--no-config-hints') },
  { name: 'licences and pins', run: checkLicences },
  { name: 'grants', run: checkGrants },
  { name: 'house rules', run: checkHouseRules },
];

let failed = 0;
for (const check of checks) {
  const startedAt = performance.now();
  const complaints = await check.run();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${complaints.length === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`);
  for (const complaint of complaints) process.stdout.write(`${complaint.trimEnd()}\n`);
  if (complaints.length > 0) failed += 1;
}
process.stdout.write(`checks: ${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
