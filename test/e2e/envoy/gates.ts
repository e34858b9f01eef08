/** What the gates before a mesh say of a document, and what our validation says of it. */
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';
import { validate } from '#policies/language/validate.ts';
import type { KubernetesObject } from './kubernetes-client.ts';

/** One gate's opinion and ours on one document: why each refuses it, null where it accepts. */
export interface Opinion {
  readonly gate: 'API server' | 'istioctl';
  readonly theirs: string | null;
  readonly ours: string | null;
  readonly policy: KubernetesObject;
}

const known = new WeakMap<KubernetesObject, readonly string[]>();

/** The problem areas of one document: `schema`, `cel`, `unknown-field`, `webhook`. */
export function areasOf(policy: KubernetesObject): readonly string[] {
  const areas = known.get(policy) ?? problemAreas(policy);
  known.set(policy, areas);
  return areas;
}

function problemAreas(policy: KubernetesObject): readonly string[] {
  const { documents, problems } = readDocuments('policy.yaml', printYaml(policy));
  const codes = [...problems, ...documents.flatMap(validate)].map(({ code }) => code.split('/')[0] ?? '');
  return [...new Set(codes)];
}

/** True iff both accept or both refuse. */
export const concur = ({ theirs, ours }: Opinion): boolean => (theirs === null) === (ours === null);

/** How often a gate and our validation were of one mind, and of two. */
export class GateCounts {
  readonly #counts = new Map<
    Opinion['gate'],
    [accepted: number, refused: number, onlyTheirs: number, onlyOurs: number]
  >();

  add(opinion: Opinion): void {
    const counts = this.#counts.get(opinion.gate) ?? [0, 0, 0, 0];
    counts[placeOf(opinion)] += 1;
    this.#counts.set(opinion.gate, counts);
  }

  /** Documents on which a gate and our validation disagree. */
  get differing(): number {
    return [...this.#counts.values()].reduce((sum, [, , onlyTheirs, onlyOurs]) => sum + onlyTheirs + onlyOurs, 0);
  }

  lines(): readonly string[] {
    return [...this.#counts].map(
      ([gate, [accepted, refused, onlyTheirs, onlyOurs]]) =>
        `${gate}: ${accepted} documents accepted by both sides, ${refused} refused by both, ` +
        `${onlyTheirs} refused by it alone, ${onlyOurs} by us alone`,
    );
  }
}

function placeOf({ theirs, ours }: Opinion): 0 | 1 | 2 | 3 {
  if (theirs === null) return ours === null ? 0 : 3;
  return ours === null ? 2 : 1;
}

/** A disagreement in one line. */
export const describeOpinion = ({ gate, theirs, ours, policy }: Opinion): string =>
  `gate: ${gate} ${theirs ?? 'accepts'}, ours ${ours ?? 'accepts'}: ${JSON.stringify(policy)}`;
