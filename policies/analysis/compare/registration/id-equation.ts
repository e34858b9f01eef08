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

/** Expressions and labels side by side split a text in more ways than anybody waits for. */
const MOST_SOLUTIONS = 200;
const MOST_STEPS = 100_000;

/** What a pod may be, and whether nothing was left out. */
export interface Solutions {
  readonly solutions: readonly Solution[];
  readonly areAll: boolean;
}

/** Every solution, at most a few hundred; none where the template never gives the identity. */
export function solutionsOf(pieces: readonly IdPiece[], identity: string, terms: Terms): Solutions {
  const search: Search = { pieces, terms, found: [], spent: { steps: 0 } };
  solve(search, identity, ANYTHING);
  return { solutions: search.found, areAll: !isExhausted(search) };
}

interface Search {
  readonly pieces: readonly IdPiece[];
  readonly terms: Terms;
  readonly found: Solution[];
  readonly spent: { steps: number };
}

const isExhausted = ({ found, spent }: Search): boolean => found.length >= MOST_SOLUTIONS || spent.steps > MOST_STEPS;

function solve(search: Search, rest: string, so: Solution): void {
  const [piece, ...others] = search.pieces;
  search.spent.steps += 1;
  if (isExhausted(search)) return;
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
      if (!Object.hasOwn(so.labels, piece.key)) return undefined;
      return so.labels[piece.key] ?? '';
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
