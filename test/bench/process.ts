/** Whole processes, cold: from YAML on disk to the verdict, against an empty Node; a ratio, and seconds beside it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newFleet } from './fleet.ts';
import { type BenchResult, paired } from './paired.ts';
import { type NotMeasured, notMeasured } from './peers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SEED = 7;

/** The rows of whole processes: a fleet of 1,000 services, and our own platform, by `node` and by `npx`. */
export async function benchProcess(): Promise<readonly (BenchResult | NotMeasured)[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mw-bench-process-'));
  try {
    const fleet = newFleet(1000, SEED);
    writeFileSync(join(folder, 'fleet.yaml'), fleet.yaml);
    writeFileSync(join(folder, 'intent.json'), fleet.intent);
    const ofFleet = ['verify', join(folder, 'fleet.yaml'), '--intent', join(folder, 'intent.json')];
    const own = join(ROOT, 'dist/kind');
    const ofOwn = ['verify', own, '--intent', join(own, 'intent.json')];
    const bin = join(ROOT, 'policies/cli/bin.js');
    const rows = [
      await row(`verify, 1,000 services (${fleet.edges} edges) from disk`, [process.execPath, bin, ...ofFleet], 1.5),
    ];
    if (!existsSync(own))
      return [...rows, notMeasured('process: verify, our own platform', 'dist/kind of `make synth`')];
    return [
      ...rows,
      await row('verify, our own platform', [process.execPath, bin, ...ofOwn], 0.5),
      await row('npx meshwright verify, our own platform', ['npx', 'meshwright', ...ofOwn], 1.5),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A command that ends with another code than 0, which is another verdict, throws. */
function row(name: string, command: readonly string[], seconds: number): Promise<BenchResult> {
  const run = ([program = '', ...argv]: readonly string[]) => {
    execFileSync(program, argv, { cwd: ROOT, stdio: 'pipe' });
  };
  const empty = [process.execPath, '-e', '0'];
  return paired(
    `process: ${name} over an empty Node`,
    () => run(empty),
    () => run(command),
    { rounds: 7, seconds },
  );
}
