/** How much memory a whole process holds at its peak: `verify` from YAML on disk to the verdict, in a process of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tell } from './budget.ts';
import { newFleet } from './fleet.ts';

/** A row of memory. */
export interface ResidentResult {
  readonly name: string;
  /** The most that was resident, in units of 10^6 bytes. */
  readonly megabytes: number;
  readonly target: number;
  readonly holds: boolean;
}

const PROGRAM = fileURLToPath(new URL('resident.ts', import.meta.url));

/** Verifies a fleet of that many services; `target` is the most megabytes. */
export function resident(services: number, seed: number, target: number): ResidentResult {
  const folder = mkdtempSync(join(tmpdir(), 'mw-bench-resident-'));
  try {
    tell(`verify, ${services} services from disk: the memory of the whole process`);
    const fleet = newFleet(services, seed);
    writeFileSync(join(folder, 'fleet.yaml'), fleet.yaml);
    writeFileSync(join(folder, 'intent.json'), fleet.intent);
    const argv = ['verify', join(folder, 'fleet.yaml'), '--intent', join(folder, 'intent.json')];
    const answer = execFileSync(process.execPath, [PROGRAM, ...argv], { encoding: 'utf8', stdio: 'pipe' });
    const megabytes = Math.round(Number(answer.trim().split('\n').at(-1)) / 1e6);
    const name = `verify, ${services} services (${fleet.edges} edges) from disk: the whole process resident at its peak`;
    return { name, megabytes, target, holds: megabytes <= target };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
