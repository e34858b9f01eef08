/** Pods that a registration gives an identity to which is not theirs, found among all pods that anybody could create. */
import type { LabelExpression, LabelSelector, Labels, Mesh } from '../../../language/mesh.ts';
import type { IdPiece, ProcessSelector, Registration } from '../../../language/registration.ts';
import { selects } from '../../attachment.ts';
import { namespaceLabels } from '../../network.ts';
import { equals, requirementsOf, tryPickLabels } from '../label-box.ts';
import { type Solution, solutionsOf } from './id-equation.ts';
import { givenTo, type RegisteredPod, type Terms, termsOf } from './pod-identity.ts';

/** An identity with the pods that are its own: all of the account, or those that the selectors select. */
export interface Owner {
  readonly id: string;
  readonly namespace: string;
  readonly account: string;
  readonly pods: 'allOfAccount' | readonly LabelSelector[];
}

/** Where pods can be: the namespaces of the manifests, and one that nobody declared. */
export interface Place {
  readonly namespace: string;
  readonly labels: Labels;
}

/** A pod that gets what is not its own; `unread` where an expression that is not read decides that. */
export type Stranger =
  | { readonly kind: 'found'; readonly pod: RegisteredPod; readonly id: string }
  | { readonly kind: 'unread'; readonly registration: Registration };

/** What a search reads besides the registration. */
export interface Surroundings {
  /** Declared namespaces, and one that nobody declared. */
  readonly namespaces: readonly string[];
  /** Any namespace, declared or not; undefined where its pods get nothing. */
  readonly place: (namespace: string) => Place | undefined;
  readonly terms: Terms;
  /** Selectors whose pods the registration leaves to others. */
  readonly leftOut: (place: Place) => readonly LabelSelector[];
}

/** The names of the namespaces of a mesh and of the owners, and of one that nobody declared. */
export function namespacesOf(mesh: Mesh, owners: readonly Owner[]): readonly string[] {
  const names = [
    ...mesh.namespaces.map(({ name }) => name),
    ...[...mesh.workloads, ...owners].map((each) => each.namespace),
  ];
  return [...new Set([ELSEWHERE, ...names])];
}

/** The surroundings of a mesh where every registration is served for itself. */
export function surroundingsOf(mesh: Mesh, owners: readonly Owner[]): Surroundings {
  return {
    namespaces: namespacesOf(mesh, owners),
    place: (namespace) => ({ namespace, labels: namespaceLabels(mesh, namespace) }),
    terms: termsOf(mesh.config.trustDomain, mesh.identityIssuers[0]),
    leftOut: () => [],
  };
}

const ELSEWHERE = 'elsewhere';
const STRANGER = 'stranger';
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** A pod that gets the identity of an owner without being one of its pods. */
export function tryFindThief(registration: Registration, owner: Owner, around: Surroundings): Stranger | undefined {
  const { solutions, areAll } = solutionsOf(registration.id, owner.id, around.terms);
  let unread: Stranger | undefined = areAll ? undefined : { kind: 'unread', registration };
  for (const solution of solutions)
    for (const place of placesFor(registration, solution.namespace, around))
      for (const account of accountsFor(registration, solution, owner)) {
        const isOwn = place.namespace === owner.namespace && account === owner.account;
        if (isOwn && owner.pods === 'allOfAccount') continue;
        const avoided = isOwn && owner.pods !== 'allOfAccount' ? owner.pods : [];
        const pod = tryMakePod(registration, { place, account, solution, avoided, around });
        const found = pod === undefined ? undefined : judge(registration, pod, around.terms);
        if (found?.kind === 'found' && found.id === owner.id) return found;
        if (found?.kind === 'unread') unread = found;
      }
  return unread;
}

/** A pod that gets any identity at all without being one that somebody declared. */
export function tryFindUndeclared(
  registration: Registration,
  owners: readonly Owner[],
  around: Surroundings,
): Stranger | undefined {
  const accounts = [STRANGER, ...new Set(owners.map(({ account }) => account))];
  for (const place of placesFor(registration, null, around))
    for (const account of fixedAccounts(registration) ?? accounts) {
      const own = owners.filter((each) => each.namespace === place.namespace && each.account === account);
      if (own.some(({ pods }) => pods === 'allOfAccount')) continue;
      const avoided = own.flatMap(({ pods }) => (pods === 'allOfAccount' ? [] : pods));
      for (const more of [labelsRead(registration), []]) {
        const pod = tryMakePod(registration, { place, account, solution: FREE, avoided, around, more });
        const found = pod === undefined ? undefined : judge(registration, pod, around.terms);
        if (found !== undefined) return found;
      }
    }
  return undefined;
}

/** That a pod has the labels which the template speaks of: without them there is mostly no identity. */
function labelsRead({ id }: Registration): readonly LabelExpression[] {
  return id.flatMap((piece): LabelExpression[] =>
    piece.kind === 'label' ? [{ key: piece.key, operator: 'Exists', values: [] }] : [],
  );
}

const FREE: Solution = { namespace: null, account: null, podName: null, labels: {}, isCertain: true };

/** Where to look: in the one namespace that is asked for, else in all that are declared, named, or nobody's. */
function placesFor(registration: Registration, namespace: string | null, around: Surroundings): readonly Place[] {
  const names = namespace === null ? [...around.namespaces, ...namedBy(registration)] : [namespace];
  return [...new Set(names)].flatMap((name) => around.place(name) ?? []);
}

/** Namespaces that the registration names: anybody may create them who may create namespaces. */
function namedBy({ namespaces, processes }: Registration): readonly string[] {
  return [
    ...requirementsOf(namespaces).flatMap(({ key, values }) => (key === NAME_LABEL ? values : [])),
    ...processes.flatMap((each) => (each.kind === 'namespace' ? (literal(each.value) ?? []) : [])),
  ];
}

/** The concrete side has the last word. */
function judge(registration: Registration, pod: RegisteredPod, terms: Terms): Stranger | undefined {
  const given = givenTo(registration, pod, terms);
  if (given.kind === 'none') return undefined;
  return given.kind === 'id' ? { kind: 'found', pod, id: given.id } : { kind: 'unread', registration };
}

/** The accounts to try: the one that is fixed, else a stranger's and, in another place, the owner's own. */
function accountsFor(registration: Registration, { account }: Solution, owner: Owner): readonly string[] {
  const fixed = fixedAccounts(registration);
  if (account !== null) return fixed === undefined || fixed.includes(account) ? [account] : [];
  return fixed ?? [STRANGER, owner.account];
}

/** The one account that selectors ask for; undefined where they ask for none. */
function fixedAccounts({ processes }: Registration): readonly string[] | undefined {
  const asked = processes.flatMap((each) => (each.kind === 'account' ? (literal(each.value) ?? []) : []));
  return asked.length === 0 ? undefined : [...new Set(asked)];
}

/** The text of a template without expressions. */
function literal(pieces: readonly IdPiece[]): string | undefined {
  return pieces.every(({ kind }) => kind === 'text')
    ? pieces.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('')
    : undefined;
}

interface Wanted {
  readonly place: Place;
  readonly account: string;
  readonly solution: Solution;
  readonly avoided: readonly LabelSelector[];
  readonly around: Surroundings;
  /** @default - nothing more is asked of labels */
  readonly more?: readonly LabelExpression[];
}

function tryMakePod(
  registration: Registration,
  { place, account, solution, avoided, around, more = [] }: Wanted,
): RegisteredPod | undefined {
  if (!selects(registration.namespaces, place.labels)) return undefined;
  const requirements = [
    ...requirementsOf(registration.pods),
    ...registration.processes.flatMap(labelAskedFor),
    ...Object.entries(solution.labels).map(([key, value]) =>
      value === null ? { key, operator: 'DoesNotExist' as const, values: [] } : equals(key, value),
    ),
    ...more,
  ];
  const labels = tryPickLabels(requirements, [...avoided, ...around.leftOut(place)]);
  if (labels === undefined) return undefined;
  const named = registration.processes.flatMap((each) => (each.kind === 'podName' ? (literal(each.value) ?? []) : []));
  const name = solution.podName ?? named[0] ?? STRANGER;
  return { namespace: place.namespace, name, account, labels, namespaceLabels: place.labels };
}

function labelAskedFor(selector: ProcessSelector): readonly LabelExpression[] {
  if (selector.kind !== 'podLabel') return [];
  const value = literal(selector.value);
  return value === undefined ? [] : [equals(selector.key, value)];
}
