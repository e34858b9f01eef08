/** `make test-envoy`: the policy engine against a real API server, istiod and Envoy. */
import { findBinaries } from './binaries.ts';
import { type GatewayExtent, runGateways } from './gateways.ts';
import { Laboratory } from './laboratory.ts';
import { runOwnManifests } from './own-manifests.ts';
import { type Extent, runRandomSets } from './random-sets.ts';
import { versionsLine } from './versions.ts';

const folder = '.meshwright/envoy';
const print = (line: string) => process.stdout.write(`${line}\n`);

function numberOf(name: string, otherwise: number): number {
  const text = process.env[name] ?? '';
  const value = text === '' ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name}: \`${text}\`: expected a whole number`);
  return value;
}

async function ownManifestsHold(laboratory: Laboratory): Promise<boolean> {
  let holds = true;
  for (const [block, environment] of ['kind', 'production'].entries()) {
    const result = await runOwnManifests(laboratory, environment, block);
    for (const line of [...result.refused, ...result.differences]) print(`  ${line}`);
    print(
      `${environment}: ${result.objects} objects, ${result.refused.length} refused by the API server; ` +
        `${result.workloads} workloads, ${result.cells} cells, ${result.allowed} allowed, ${result.differences.length} differences`,
    );
    holds &&= result.refused.length === 0 && result.differences.length === 0 && result.allowed > 0;
  }
  return holds;
}

async function randomSetsHold(laboratory: Laboratory, extent: Extent): Promise<boolean> {
  const result = await runRandomSets(laboratory, extent, { folder, tell: print });
  for (const line of [...result.coverage.lines(), ...result.gates.lines()]) print(`  ${line}`);
  const { seconds, decisions } = result;
  print(
    [
      `random: seed ${extent.seed}, ${result.sets} sets, ${result.policies} policies, ${decisions} decisions`,
      `(${result.allowed} allowed; ${result.conditional} more rest on an assumption), ${result.disagreements} disagreements, ${result.otherLayers} with another layer or status,`,
      `${result.otherRules} with another of the matching rules, ${result.gates.differing} documents judged differently by a gate;`,
      `${Math.round(seconds)} s, ${Math.round(decisions / seconds)} decisions/s, ${(result.sets / seconds).toFixed(1)} sets/s`,
    ].join(' '),
  );
  return result.disagreements === 0 && result.gates.differing === 0;
}

async function gatewaysHold(laboratory: Laboratory, extent: GatewayExtent): Promise<boolean> {
  const started = performance.now();
  const result = await runGateways(laboratory, extent);
  for (const line of result.disagreements.slice(0, 10)) print(line);
  const seconds = (performance.now() - started) / 1000;
  print(
    `gateways: seed ${extent.seed}, ${result.sets} sets, ${result.decisions} decisions (${result.forwarded} forwarded, ${result.copies} copies), ` +
      `${result.leftOut} left out, ${result.disagreements.length} disagreements; ${Math.round(seconds)} s`,
  );
  return result.disagreements.length === 0;
}

const binaries = findBinaries(process.env);
if (binaries.ok) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const extent = {
    first: numberOf('FIRST', 0),
    sets: numberOf('SETS', 200),
    requests: numberOf('REQUESTS', 100),
    seed: numberOf('SEED', 1),
  };
  print(`${new Date().toISOString().slice(0, 10)}: ${await versionsLine(binaries.value)}`);
  const holds = await Laboratory.use(binaries.value, folder, async (laboratory) => {
    const own = process.env['OWN'] === '0' || (await ownManifestsHold(laboratory));
    const gateways = await gatewaysHold(laboratory, {
      sets: numberOf('GATEWAYS', 40),
      requests: numberOf('REQUESTS', 100),
      seed: extent.seed,
    });
    return (extent.sets === 0 || (await randomSetsHold(laboratory, extent))) && own && gateways;
  });
  process.exit(holds ? 0 : 2);
} else {
  const names = binaries.missing.join(', ');
  process.stderr.write(`test-envoy: not run: missing ${names}: set the variable or put the program on PATH\n`);
  process.exitCode = 1;
}
