/** The finite universe in which the consequences of a change are counted: known callers, literal operations. */
import type { AuthorizationPolicy, Clause, PathPattern, Pattern, PeerPattern } from '../../language/authorization.ts';
import type { Mesh, Workload } from '../../language/mesh.ts';
import { concerning } from '../ambient/waypoints.ts';
import { workloadIdentity } from '../identity.ts';
import type { Caller, Request } from '../request.ts';

/** A caller with the name under which it is reported. */
export interface KnownCaller {
  readonly name: string;
  readonly caller: Caller;
}

/** An HTTP operation, or raw TCP. */
export type Operation = { readonly method: string; readonly path: string } | null;

/** Stands for every path that no policy names. */
const UNLISTED_PATH = '/unlisted-path';

/** Every workload, every identity that policies name, one that nobody names, and plaintext. */
export function callersOf(mesh: Mesh): readonly KnownCaller[] {
  const workloads = mesh.workloads.map(
    ({ namespace, name }): KnownCaller => ({
      name: `${namespace}/${name}`,
      caller: { kind: 'workload', reference: { namespace, workload: name } },
    }),
  );
  const own = new Set(mesh.workloads.map((workload) => workloadIdentity(mesh, workload)));
  const unknown = `spiffe://${mesh.config.trustDomain}/ns/unknown/sa/unknown`;
  const named = clausesOf(mesh.authorizationPolicies).flatMap((clause) =>
    clause.on === 'peer' ? [...clause.values, ...clause.notValues].flatMap(exactIdentity) : [],
  );
  const others = [...new Set([...named, unknown])].filter((identity) => !own.has(identity));
  return [
    ...workloads,
    ...others.map((identity): KnownCaller => ({ name: identity, caller: { kind: 'mtls', identities: [identity] } })),
    { name: 'plaintext', caller: { kind: 'plaintext' } },
  ];
}

function exactIdentity(pattern: PeerPattern): readonly string[] {
  return pattern.kind === 'principal' && pattern.pattern.kind === 'exact' ? [pattern.pattern.value] : [];
}

/**
 * The methods and paths that policies of a workload name, one of each pattern, those of the request, and one of each that
 * nobody names: so a change that opens more than the call opens one of them.
 */
export function operationsOf(mesh: Mesh, target: Workload, { http }: Request): readonly Operation[] {
  if (http === null) return [null];
  const clauses = clausesOf(concerning(mesh.authorizationPolicies, mesh, target));
  const literals = (on: 'method' | 'path') =>
    clauses.flatMap((clause) =>
      clause.on === on
        ? [...clause.values, ...clause.notValues].flatMap((pattern) => someText(pattern as Pattern | PathPattern))
        : [],
    );
  const named = new Set([http.method, ...literals('method')]);
  const methods = new Set([...named, ...METHODS.filter((method) => !named.has(method)).slice(0, 1)]);
  const paths = new Set([http.path, ...literals('path'), UNLISTED_PATH]);
  return [...methods].flatMap((method) => [...paths].map((path) => ({ method, path })));
}

/** Of these the first that nobody names stands for every method that nobody names. */
const METHODS = ['PATCH', 'PUT', 'POST', 'GET', 'OPTIONS', 'DELETE'];

/** A text that a pattern accepts and that nobody writes; nothing for patterns that accept the unlisted path too. */
function someText(pattern: Pattern | PathPattern): readonly string[] {
  switch (pattern.kind) {
    case 'exact':
      return [pattern.value];
    case 'prefix':
      return [`${pattern.value}unlisted`];
    case 'suffix':
      return [`${UNLISTED_PATH}${pattern.value}`];
    case 'template':
      return [pattern.pieces.map((piece) => (piece.kind === 'literal' ? piece.text : 'unlisted')).join('')];
    default:
      return [];
  }
}

function clausesOf(policies: readonly AuthorizationPolicy[]): readonly Clause[] {
  return policies.flatMap(({ rules }) =>
    rules.flatMap(({ parts }) => parts.flatMap(({ alternatives }) => alternatives.flat())),
  );
}
