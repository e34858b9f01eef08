/** Compares what came of a probe with what had to come. */
import type { Classified } from './classify.ts';
import { CAUSE_OF_LAYER, type Expectation } from './expectation.ts';

/** `undecided`: the evidence names no cause, so nothing is claimed. */
export type Judgement =
  | { readonly kind: 'holds' }
  | { readonly kind: 'differs'; readonly because: string }
  | { readonly kind: 'undecided'; readonly because: string };

/** Judges one cell: verdict and cause against the cluster's objects, and the verdict against the intent. */
export function judge(expectation: Expectation, { cause, because }: Classified): Judgement {
  if (cause === 'unclear') return { kind: 'undecided', because: `no cause can be named: ${because}` };
  const reached = cause === 'application';
  const { decided, stoppedBy, declared } = expectation;
  const faults = [
    ...(declared !== null && declared !== reached
      ? [reached ? 'reached the callee, and nobody declared it' : `is declared, and was refused (${cause})`]
      : []),
    ...disagreement(expectation, cause, reached),
  ];
  if (faults.length === 0) return { kind: 'holds' };
  const objects = `the objects say ${decided.verdict}${stoppedBy.length === 0 ? '' : ` (${stoppedBy.join(', ')})`}`;
  return { kind: 'differs', because: `${faults.join('; ')}; ${because}; ${objects}` };
}

function disagreement(
  { decided, stoppedBy }: Expectation,
  cause: Classified['cause'],
  reached: boolean,
): readonly string[] {
  if ((decided.verdict === 'allow') !== reached)
    return [
      `decided ${decided.verdict} on the cluster's objects, ${reached ? 'reached the callee' : `refused (${cause})`}`,
    ];
  if (reached || stoppedBy.some((layer) => CAUSE_OF_LAYER[layer] === cause)) return [];
  return [`refused by ${cause}, which no object of the cluster explains`];
}
