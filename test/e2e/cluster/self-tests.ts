/**
 * The suite itself under test: with one object deleted by hand it must turn red. What it then says is shown, and the
 * object comes back.
 */
import type { Caller } from '#policies/cli/live/caller.ts';
import { cellName, cellsOf } from '#policies/cli/live/cell.ts';
import type { ClusterObject } from './alterations.ts';
import { call, type Stand, settle } from './stand.ts';

/** One object that is deleted, and the callee that must notice. */
interface Damage {
  readonly name: string;
  readonly object: ClusterObject;
  readonly callee: string;
}

/** What the suite said of a damaged cluster. */
export interface SelfTest {
  readonly name: string;
  readonly turnedRed: boolean;
  readonly differing: number;
  /** The first difference. */
  readonly example: string;
  readonly seconds: number;
}

const damages: readonly Damage[] = [
  {
    name: "one callee's policies deleted",
    callee: 'execution',
    object: {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'execution-callers', namespace: 'trading' },
    },
  },
  {
    name: 'one network policy deleted',
    callee: 'execution',
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'execution', namespace: 'trading' },
    },
  },
];

/** Deletes, calls, judges and brings back, one object after another. */
export async function selfTests(stand: Stand): Promise<readonly SelfTest[]> {
  const results: SelfTest[] = [];
  for (const damage of damages) results.push(await selfTest(stand, damage));
  return results;
}

/** Whoever may call the callee at all: with a policy gone, what is declared no longer works. */
function grantedCallers({ callers, intent }: Stand, callee: string): readonly Caller[] {
  const granted = new Set(
    intent.grants.flatMap(({ caller, callee: at }) =>
      at.kind === 'workload' && at.workload === callee && caller.kind === 'identity' ? [caller.identity] : [],
    ),
  );
  return callers.filter(({ workload, identity }) => workload.kind !== 'Pod' && granted.has(identity));
}

async function selfTest(stand: Stand, { name, object, callee }: Damage): Promise<SelfTest> {
  const startedAt = performance.now();
  const { mark } = stand.alterations;
  const column = stand.targets.filter(({ workload }) => workload === callee);
  const cells = cellsOf(grantedCallers(stand, callee), column, stand.key);
  try {
    await stand.alterations.remove(object);
    await settle(stand, cells);
    const judged = await call(stand, cells, { against: 'intent' });
    const differing = judged.filter(({ judgement }) => judgement.kind === 'differs');
    const [first] = differing;
    const because = first?.judgement.kind === 'differs' ? first.judgement.because : '';
    return {
      name,
      turnedRed: differing.length > 0,
      differing: differing.length,
      example: first === undefined ? '' : `${cellName(first.cell)}: ${because}`,
      seconds: (performance.now() - startedAt) / 1000,
    };
  } finally {
    await stand.alterations.restoreTo(mark);
  }
}
