/** Solves a template against an identity: which namespaces, accounts and labels of a pod make it that text. */
import type { IdPiece } from '../../../language/registration.ts';
import { fixedPart, type Terms } from './pod-identity.ts';

/** What a pod has to be; what is left out may be anything. */
export interface Solution {
  readonly namespace: string | null;
  readonly account: string | null;
  readonly podName: string | null;
  /** Null is a pod without the label. */
  readonly labels: Readonly<Record<string, string | null>>;
  /** Whether an expression that is not read would have to take part. */
  readonly isCertain: boolean;
}

const ANYTHING: Solution = { namespace: null, account: null, podName: null, labels: {}, isCertain: true };

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const LABEL = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Solutions beyond this many are as good as any: templates of labels alone split a text in many ways. */
const MOST_SOLUTIONS = 200;

/** Every solution, at most a few hundred; none where the template never gives the identity. */
export function solutionsOf(pieces: readonly IdPiece[], identity: string, terms: Terms): readonly Solution[] {
  const found: Solution[] = [];
  solve({ pieces, terms, found }, identity, ANYTHING);
  return found;
}

interface Search {
  readonly pieces: readonly IdPiece[];
  readonly terms: Terms;
  readonly found: Solution[];
}

function solve(search: Search, rest: string, so: Solution): void {
  const [piece, ...others] = search.pieces;
  if (search.found.length >= MOST_SOLUTIONS) return;
  if (piece === undefined) {
    if (rest === '') search.found.push(so);
    return;
  }
  const next = { ...search, pieces: others };
  const fixed = fixedText(piece, search.terms, so);
  if (fixed !== undefined) {
    if (rest.startsWith(fixed)) solve(next, rest.slice(fixed.length), so);
    return;
  }
  for (let length = rest.length; length >= 0; length -= 1) {
    for (const taken of bind(piece, rest.slice(0, length), so)) solve(next, rest.slice(length), taken);
  }
}

/** The text of a piece that is known already. */
function fixedText(piece: IdPiece, terms: Terms, so: Solution): string | undefined {
  switch (piece.kind) {
    case 'namespace':
    case 'account':
    case 'podName':
      return so[piece.kind] ?? undefined;
    case 'label':
      return so.labels[piece.key] === null ? '' : (so.labels[piece.key] ?? undefined);
    default:
      return fixedPart(piece, terms);
  }
}

/** The solutions with the piece standing for `text`, none where it cannot. */
function bind(piece: IdPiece, text: string, so: Solution): readonly Solution[] {
  switch (piece.kind) {
    case 'namespace':
      return NAMESPACE.test(text) ? [{ ...so, namespace: text }] : [];
    case 'account':
      return NAME.test(text) ? [{ ...so, account: text }] : [];
    case 'podName':
      return NAME.test(text) ? [{ ...so, podName: text }] : [];
    case 'label':
      return [text, ...(text === '' && piece.absent === 'empty' ? [null] : [])]
        .filter((value) => value === null || LABEL.test(value))
        .map((value) => ({ ...so, labels: { ...so.labels, [piece.key]: value } }));
    default:
      return [{ ...so, isCertain: false }];
  }
}
