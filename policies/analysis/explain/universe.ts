/** The finite universe in which the consequences of a change are counted: known callers, literal operations. */
import type { AuthorizationPolicy, Clause, Pattern, PeerPattern } from '../../language/authorization.ts';
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

/** The literal methods and paths of the policies that apply to a workload, those of the request, and an unlisted path. */
export function operationsOf(mesh: Mesh, target: Workload, { http }: Request): readonly Operation[] {
  if (http === null) return [null];
  const clauses = clausesOf(concerning(mesh.authorizationPolicies, mesh, target));
  const literals = (on: 'method' | 'path') =>
    clauses.flatMap((clause) =>
      clause.on === on
        ? [...clause.values, ...clause.notValues].flatMap((pattern) => exactText(pattern as Pattern))
        : [],
    );
  const methods = new Set([http.method, ...literals('method')]);
  const paths = new Set([http.path, ...literals('path'), UNLISTED_PATH]);
  return [...methods].flatMap((method) => [...paths].map((path) => ({ method, path })));
}

function exactText(pattern: Pattern): readonly string[] {
  return pattern.kind === 'exact' ? [pattern.value] : [];
}

function clausesOf(policies: readonly AuthorizationPolicy[]): readonly Clause[] {
  return policies.flatMap(({ rules }) =>
    rules.flatMap(({ parts }) => parts.flatMap(({ alternatives }) => alternatives.flat())),
  );
}
