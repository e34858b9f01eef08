/** One run of the suite on a cluster that is ready: phase after phase, and everything back at the end. */
import type { GatewayPlace } from '#infra/cluster/open-gateway.ts';
import { type Cell, cellName } from '#policies/cli/live/cell.ts';
import type { ProbedCell, ProbedWay } from '#policies/cli/live/probe-report.ts';
import { type HandEdit, handEdit } from './hand-edit.ts';
import type { IdentityRow } from './identity.ts';
import { depths, type LayeredCell, layersSeen } from './layers.ts';
import { asDeployed, networkOfCallee, networkOfCaller, type Phase, policiesAlone, waysAround } from './phases.ts';
import { type SeedLine, seedSentence } from './seed.ts';
import { type SelfTest, selfTests } from './self-tests.ts';
import { pairs, type Stand, settle } from './stand.ts';
import { readTraces, type TraceResult } from './traces.ts';

/** Everything that a run saw. */
export interface SuiteResult {
  readonly startedAt: string;
  readonly seconds: number;
  readonly identities: readonly IdentityRow[];
  readonly phases: readonly Phase[];
  readonly ways: readonly ProbedWay[];
  readonly layers: readonly LayeredCell[];
  /** Calls refused as deployed that no policy or token was seen to refuse although one could be asked. */
  readonly hidden: readonly string[];
  readonly seed: readonly SeedLine[];
  readonly selfTests: readonly SelfTest[];
  readonly handEdit: HandEdit;
  readonly trace: TraceResult;
  /** What did not come back as it was. */
  readonly notRestored: readonly string[];
  readonly notProbed: Stand['notProbed'];
}

/** Runs every phase. Errors: whatever a cluster that goes away throws; what was changed is then taken back by the caller. */
export async function runSuite(
  stand: Stand,
  trade: GatewayPlace,
  identities: readonly IdentityRow[],
): Promise<SuiteResult> {
  const startedAt = new Date();
  const { tell } = stand;
  const told = <T extends { readonly seconds: number }>(what: string, value: T): T => {
    tell(`${what} (${value.seconds.toFixed(1)} s)`);
    return value;
  };
  const deployed = await asDeployed(stand);
  told(phaseLine(deployed), deployed);
  const ways = await waysAround(stand);
  tell(`ways around the Services: ${ways.length} tried, ${ways.filter(isClosed).length} closed`);
  const refused = deployed.cells.filter(({ observed }) => observed.cause !== 'application').map(({ cell }) => cell);
  const alone = await policiesAlone(stand, refused);
  told(phaseLine(alone), alone);
  const callee = await networkOfCallee(stand, keptApart(stand, deployed, 'destination-network-policy'));
  told(phaseLine(callee), callee);
  const caller = await networkOfCaller(stand, keptApart(stand, deployed, 'source-network-policy'));
  told(phaseLine(caller), caller);
  const phases = [deployed, alone, callee, caller];
  const layers = layersSeen(phases);
  tell(`layers seen to refuse: ${depthLine(layers)}`);
  const damaged = await selfTests(stand);
  for (const test of damaged)
    told(`${test.name}: ${test.turnedRed ? `red, ${test.differing} calls` : 'NOT NOTICED'}`, test);
  const edited = await handEdit(stand, trade.root);
  tell(`a policy edited by hand: ${edited.holds ? `refuted and named: ${edited.example}` : 'NOT FOUND'}`);
  const restored = await settle(stand, pairs(stand));
  const trace = await readTraces(stand, trade);
  tell(trace.line);
  return {
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    identities,
    phases,
    ways,
    layers,
    hidden: hiddenCells(layers, alone),
    seed: seedSentence(deployed, layers),
    selfTests: damaged,
    handEdit: edited,
    trace,
    notRestored: restored.filter((probed) => !holds(probed)).map(({ cell }) => cellName(cell)),
    notProbed: stand.notProbed,
  };
}

const holds = ({ judgement }: Pick<ProbedCell, 'judgement'>): boolean => judgement.kind === 'holds';
const isClosed = ({ judgement }: ProbedWay): boolean => judgement.kind === 'holds';

function phaseLine({ name, cells }: Phase): string {
  return `${name}: ${cells.length} calls, ${cells.filter(holds).length} as they must be`;
}

/** Shape: `4 layers 700, 3 layers 12`. */
export function depthLine(layers: readonly LayeredCell[]): string {
  return Object.entries(depths(layers))
    .toSorted(([left], [right]) => Number(right) - Number(left))
    .map(([depth, count]) => `${depth} ${depth === '1' ? 'layer' : 'layers'} ${count}`)
    .join(', ');
}

/** The pairs of pods that a network policy keeps apart, as the objects say. */
function keptApart(
  stand: Stand,
  { cells }: Phase,
  layer: 'destination-network-policy' | 'source-network-policy',
): readonly Cell[] {
  const names = new Set(
    cells.filter(({ expected }) => expected.stoppedBy.includes(layer)).map(({ cell }) => cellName(cell)),
  );
  return pairs(stand).filter((cell) => names.has(cellName(cell)));
}

/**
 * Plaintext ends in the handshake and a path without a slash in the codec: neither comes as far as a policy. What
 * policies let in when they are asked alone is judged by the intent.
 */
function hiddenCells(layers: readonly LayeredCell[], { cells }: Phase): readonly string[] {
  const letIn = new Set(
    cells.filter(({ observed }) => observed.cause === 'application').map(({ cell }) => cellName(cell)),
  );
  return layers
    .filter(({ cell, layers: seen }) => {
      if (!cell.caller.pod.proxied || seen.includes('codec') || letIn.has(cellName(cell))) return false;
      return !seen.includes('authorization policy') && !seen.includes('user token');
    })
    .map(({ cell }) => cellName(cell));
}
