/** The sentence that the whole product keeps true, as a case of its own: `order` may SubmitTrade, and nobody else may. */
import { callerName } from '#policies/cli/live/cell.ts';
import type { ProbedCell } from '#policies/cli/live/probe-report.ts';
import { layerOf, type SeenLayer } from './layers.ts';
import type { Phase } from './phases.ts';

/** One caller of the sentence. */
export interface SeedLine {
  readonly caller: string;
  readonly outcome: 'let in' | 'refused' | 'not asked';
  /** Who refused, phase by phase. */
  readonly layers: readonly SeenLayer[];
  readonly holds: boolean;
}

const submitTrade = '/trading.execution.v1.ExecutionService/SubmitTrade';
const mayCall = 'trading/order';
const mustBeAsked = [
  mayCall,
  'edge/gateway',
  'trading/risk',
  'trading/market-data',
  'trading/portfolio',
  'trading/e2e-stranger',
  'meshwright-e2e/e2e-foreigner',
  'meshwright-e2e/e2e-order-elsewhere',
  'meshwright-e2e-plain/e2e-plaintext',
] as const;

const isSubmitTrade = ({ cell }: ProbedCell): boolean =>
  cell.target.workload === 'execution' && cell.target.http?.path === submitTrade;

/** Every caller of the sentence; one that was not asked does not hold. */
export function seedSentence(phases: readonly Phase[]): readonly SeedLine[] {
  const asked = phases.flatMap(({ name, cells }) =>
    cells.filter(isSubmitTrade).map((probed) => ({ name, probed, caller: callerName(probed.cell.caller) })),
  );
  const callers = [...new Set([...mustBeAsked, ...asked.map(({ caller }) => caller)])];
  return callers.map((caller) => {
    const own = asked.filter((each) => each.caller === caller);
    const layers = [...new Set(own.flatMap(({ name, probed }) => layerOf(name, probed) ?? []))];
    const isLetIn = own.some(({ probed }) => probed.observed.cause === 'application');
    const outcome = own.length === 0 ? 'not asked' : isLetIn ? 'let in' : 'refused';
    const isRefusedByName = outcome === 'refused' && layers.length > 0;
    return { caller, outcome, layers, holds: caller === mayCall ? outcome === 'let in' : isRefusedByName };
  });
}
