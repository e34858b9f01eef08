import { findBinaries } from './binaries.ts';
import { Laboratory } from './laboratory.ts';
import { runOwnManifests } from './own-manifests.ts';

const cache = '.meshwright/envoy';
const print = (line: string) => process.stdout.write(`${line}\n`);

async function runAll(laboratory: Laboratory): Promise<boolean> {
  let holds = true;
  for (const [block, environment] of ['kind', 'production'].entries()) {
    const result = await runOwnManifests(laboratory, environment, block);
    for (const line of [...result.refused, ...result.differences]) print(`  ${line}`);
    print(
      `${environment}: ${result.objects} objects, ${result.refused.length} refused by the API server; ${result.workloads} workloads, ${result.cells} cells, ${result.allowed} allowed, ${result.differences.length} differences`,
    );
    holds &&= result.refused.length === 0 && result.differences.length === 0 && result.allowed > 0;
  }
  return holds;
}

const binaries = findBinaries(process.env);
if (binaries.ok) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const holds = await Laboratory.use(binaries.value, cache, runAll);
  process.exit(holds ? 0 : 2);
} else {
  process.stderr.write(
    `test-envoy: not run: missing ${binaries.missing.join(', ')}: set the variable or put it on PATH\n`,
  );
  process.exitCode = 1;
}
