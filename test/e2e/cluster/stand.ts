/** What every part of the suite works on: one cluster, who calls in it, what is called, and what was declared. */
import type { Intent } from '#policies/analysis/compare/intent.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import type { Caller } from '#policies/cli/live/caller.ts';
import { readPods } from '#policies/cli/live/caller.ts';
import { type Cell, callerName } from '#policies/cli/live/cell.ts';
import type { Connection } from '#policies/cli/live/connect.ts';
import { Expectations } from '#policies/cli/live/expectation.ts';
import { askCells, findCallers, type PodOf, podFinder, probedCell } from '#policies/cli/live/probe-cluster.ts';
import type { ProbedCell } from '#policies/cli/live/probe-report.ts';
import { type LiveMesh, readLiveMesh } from '#policies/cli/live/read-live-mesh.ts';
import { survey } from '#policies/cli/live/survey.ts';
import { type HttpOperation, type Target, targetsOf } from '#policies/cli/live/target.ts';
import type { SigningKey } from '#policies/cli/live/user-token.ts';
import type { Workload } from '#policies/language/mesh.ts';
import { catalog } from '#services/catalog.ts';
import type { Alterations } from './alterations.ts';
import { CannotRun } from './cannot-run.ts';
import { plainNamespace } from './strangers.ts';

/** One cluster, ready to be called in. */
export interface Stand {
  readonly connection: Connection;
  readonly alterations: Alterations;
  readonly intent: Intent;
  readonly key: SigningKey;
  readonly callers: readonly Caller[];
  readonly notProbed: readonly { readonly workload: string; readonly because: string }[];
  readonly targets: readonly Target[];
  readonly podOf: PodOf;
  readonly tell: (line: string) => void;
}

/** What a stand is made from. */
export type StandInputs = Pick<Stand, 'connection' | 'alterations' | 'intent' | 'key' | 'tell'> & {
  /** Holds the probe program, for pods whose own image does not. */
  readonly image: string;
};

const settleMs = 90_000;
const settlePollMs = 500;

/** The objects of the cluster as they are now. Errors: `CannotRun` with every problem. */
export async function readNow({ connection, intent }: Pick<Stand, 'connection' | 'intent'>): Promise<LiveMesh> {
  const live = await readLiveMesh(connection, { intent, also: [plainNamespace] });
  if (!live.ok) throw new CannotRun(live.problems.map(({ at, message }) => `${at.file}: ${message}`));
  return live.value;
}

/** Finds callers and targets. */
export async function openStand(inputs: StandInputs): Promise<Stand> {
  const live = await readNow(inputs);
  const found = await findCallers(inputs.connection, live, {
    probeImage: inputs.image,
    plaintextFrom: [plainNamespace],
  });
  const pods = await readPods(inputs.connection);
  const platform = new Set(catalog.map(({ namespace, name }) => `${namespace}/${name}`));
  const targets = targetsOf(live.mesh, inputs.intent, contractOperations).filter(({ namespace, workload }) =>
    platform.has(`${namespace}/${workload}`),
  );
  return { ...inputs, ...found, targets, podOf: podFinder(live, pods) };
}

/** The methods of a workload's contract, granted to somebody or not. */
function contractOperations({ namespace, name }: Workload, port: number): readonly HttpOperation[] {
  const service = catalog.find((each) => each.name === name && each.namespace === namespace);
  return (service?.contracts ?? []).flatMap((contract): readonly HttpOperation[] => {
    if (contract.port !== port || contract.kind === 'tcp') return [];
    if (contract.kind === 'http') return contract.routes;
    return contract.services.flatMap(({ methods }) =>
      Object.values(methods).map(({ path }) => ({ method: 'POST', path })),
    );
  });
}

/** How cells are judged. */
export interface JudgeOptions {
  /** `objects` asks only whether the mesh does what its objects say. */
  readonly against: 'objects' | 'intent';
}

/** Calls the cells and judges them by the cluster's current objects. */
export async function call(
  stand: Stand,
  cells: readonly Cell[],
  { against }: JudgeOptions,
): Promise<readonly ProbedCell[]> {
  const { intent } = stand;
  const live = await readNow(stand);
  const shared = { ...live, profile: PROFILES['istio-1.31'] };
  const declared = new Expectations({ ...shared, intent: against === 'intent' ? intent : null });
  const answers = await survey(stand.connection, askCells(cells, stand.podOf, stand.key));
  return answers.map((answer) => probedCell(answer, declared));
}

/**
 * Calls the cells again and again until the mesh does what its objects say: a change has then reached every proxy and
 * the network. The last answers are returned, whether or not they hold.
 */
export async function settle(stand: Stand, cells: readonly Cell[]): Promise<readonly ProbedCell[]> {
  const settled = new Map<Cell, ProbedCell>();
  let open = cells;
  for (const until = Date.now() + settleMs; ; ) {
    for (const probed of await call(stand, open, { against: 'objects' })) settled.set(probed.cell, probed);
    open = cells.filter((cell) => settled.get(cell)?.judgement.kind !== 'holds');
    if (open.length === 0 || Date.now() > until) return cells.flatMap((cell) => settled.get(cell) ?? []);
    await new Promise((resolve) => setTimeout(resolve, settlePollMs));
  }
}

/** One cell a caller and callee port: a call that nobody may make, so that only the way to it matters. */
export function pairs({ callers, targets }: Pick<Stand, 'callers' | 'targets'>): readonly Cell[] {
  const places = Map.groupBy(targets, ({ namespace, workload, port }) => `${namespace}/${workload}:${port}`);
  const ends = [...places.values()].flatMap((own) => own.find(({ http }) => http === null || isOdd(http)) ?? []);
  return callers.flatMap((caller) =>
    ends
      .filter(({ namespace, workload }) => callerName(caller) !== `${namespace}/${workload}`)
      .map((target): Cell => ({ caller, target, token: 'none' })),
  );
}

const isOdd = ({ path }: HttpOperation): boolean => path.endsWith('/NoSuchMethod') || path === '/unknown';
