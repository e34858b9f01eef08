/** The sentence that the whole product keeps true, as a case of its own: `order` may SubmitTrade, and nobody else may. */
import { type Cell, callerName } from '#policies/cli/live/cell.ts';
import type { LayeredCell, SeenLayer } from './layers.ts';
import type { Phase } from './phases.ts';

/** One caller of the sentence. */
export interface SeedLine {
  readonly caller: string;
  readonly outcome: 'let in' | 'refused' | 'not asked';
  /** Every layer that was seen to refuse it. */
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

const isSubmitTrade = ({ target }: Cell): boolean =>
  target.workload === 'execution' && target.http?.path === submitTrade;

/** Every caller of the sentence, with every layer that refused it in some phase; one that was not asked does not hold. */
export function seedSentence({ cells }: Phase, layered: readonly LayeredCell[]): readonly SeedLine[] {
  const asked = cells.filter(({ cell }) => isSubmitTrade(cell));
  const callers = [...new Set([...mustBeAsked, ...asked.map(({ cell }) => callerName(cell.caller))])];
  return callers.map((caller) => {
    const own = asked.filter(({ cell }) => callerName(cell.caller) === caller);
    const layers = layered
      .filter(({ cell }) => isSubmitTrade(cell) && callerName(cell.caller) === caller)
      .flatMap((each) => each.layers);
    const isLetIn = own.some(({ observed }) => observed.cause === 'application');
    const outcome = own.length === 0 ? 'not asked' : isLetIn ? 'let in' : 'refused';
    const isRefusedByName = outcome === 'refused' && layers.length > 0;
    return { caller, outcome, layers, holds: caller === mayCall ? outcome === 'let in' : isRefusedByName };
  });
}
