/** What one pod gets from one registration: the concrete side, which confirms what `id-equation.ts` finds. */

import type { Labels } from '../../../language/mesh.ts';
import type { IdentityIssuer, IdPiece, ProcessSelector, Registration } from '../../../language/registration.ts';
import { labelOf, selects } from '../../attachment.ts';

/** A pod as SPIRE sees it. */
export interface RegisteredPod {
  readonly namespace: string;
  readonly name: string;
  readonly account: string;
  readonly labels: Labels;
  readonly namespaceLabels: Labels;
}

/** What templates may speak of besides the pod; null where it is not known. */
export interface Terms {
  readonly trustDomain: string;
  readonly clusterName: string | null;
  readonly clusterDomain: string | null;
}

/** The terms of a mesh under one issuer, or under one that the manifests do not hold. */
export function termsOf(trustDomain: string, issuer: IdentityIssuer | undefined): Terms {
  const known = (text: string | undefined) => (text === undefined || text === '' ? null : text);
  return {
    trustDomain,
    clusterName: known(issuer?.clusterName),
    clusterDomain: known(issuer?.clusterDomain) ?? 'cluster.local',
  };
}

/** An identity, none, or that an expression was not read. */
export type Given =
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unread' };

const NONE: Given = { kind: 'none' };
const UNREAD: Given = { kind: 'unread' };

/** What the pod gets, whoever serves the registration and whatever others say (`isFallback`). */
export function givenTo(registration: Registration, pod: RegisteredPod, terms: Terms): Given {
  if (!selects(registration.namespaces, pod.namespaceLabels) || !selects(registration.pods, pod.labels)) return NONE;
  const admissions = registration.processes.map((selector) => admits(selector, pod, terms));
  if (admissions.includes('no')) return NONE;
  const id = textOf(registration.id, pod, terms);
  if (id === undefined || admissions.includes('unread')) return id === null ? NONE : UNREAD;
  return id !== null && isSpiffeId(id) ? { kind: 'id', id } : NONE;
}

function admits(selector: ProcessSelector, pod: RegisteredPod, terms: Terms): 'yes' | 'no' | 'unread' {
  switch (selector.kind) {
    case 'container':
    case 'claim':
      return 'yes';
    case 'unread':
      return 'unread';
    default: {
      const text = textOf(selector.value, pod, terms);
      if (text === undefined) return 'unread';
      return text !== null && text === attributeOf(selector, pod) ? 'yes' : 'no';
    }
  }
}

function attributeOf(
  selector: Exclude<ProcessSelector, { kind: 'container' | 'claim' | 'unread' }>,
  pod: RegisteredPod,
): string | undefined {
  return selector.kind === 'podLabel' ? labelOf(pod.labels, selector.key) : pod[MEMBERS[selector.kind]];
}

const MEMBERS = { namespace: 'namespace', account: 'account', podName: 'name' } as const;

/** The text of a template for a pod; null where it has none, undefined where an expression is not read. */
function textOf(pieces: readonly IdPiece[], pod: RegisteredPod, terms: Terms): string | null | undefined {
  let text = '';
  for (const piece of pieces) {
    const part = partOf(piece, pod, terms);
    if (part === undefined || part === null) return part;
    text += part;
  }
  return text;
}

function partOf(piece: IdPiece, pod: RegisteredPod, terms: Terms): string | null | undefined {
  switch (piece.kind) {
    case 'namespace':
    case 'account':
    case 'podName':
      return pod[MEMBERS[piece.kind]];
    case 'label':
      return labelOf(pod.labels, piece.key) ?? (piece.absent === 'empty' ? '' : null);
    default:
      return fixedPart(piece, terms);
  }
}

/** What a piece is whatever the pod is; undefined where the pod decides it, or nobody knows. */
export function fixedPart(piece: IdPiece, terms: Terms): string | undefined {
  switch (piece.kind) {
    case 'text':
      return piece.text;
    case 'trustDomain':
    case 'clusterName':
    case 'clusterDomain':
      return terms[piece.kind] ?? undefined;
    default:
      return undefined;
  }
}

/** Source: SPIFFE ID, 2.1 to 2.3: a trust domain and segments of letters, digits, dots, dashes and underscores. */
function isSpiffeId(id: string): boolean {
  const [, , domain = '', ...segments] = id.split('/');
  return (
    id.startsWith('spiffe://') &&
    /^[a-z0-9._-]{1,255}$/.test(domain) &&
    segments.length > 0 &&
    segments.every((segment) => /^[A-Za-z0-9._-]+$/.test(segment) && segment !== '.' && segment !== '..')
  );
}
