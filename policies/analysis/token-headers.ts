/** Headers that tokens give, and rules that read them: their values are not modelled. Source: semantics.md 8. */
import type { Attachment, AuthorizationPolicy } from '../language/authorization.ts';
import type { JwtRule, Mesh, Workload } from '../language/mesh.ts';
import { applicable } from './attachment.ts';

/** The headers that one policy reads where it may change a verdict. */
interface Reader {
  readonly namespace: string;
  readonly attachment: Attachment;
  readonly headers: readonly string[];
}

const known = new WeakMap<Mesh, readonly Reader[]>();

/** The assumptions of a workload whose rules read what a token carries, or what is written or removed after its check. */
export function tokenHeaderAssumptions(mesh: Mesh, workload: Workload): readonly string[] {
  const reading = applicable(readersOf(mesh), mesh, workload);
  if (reading.length === 0) return [];
  const rules = applicable(mesh.requestAuthentications, mesh, workload).flatMap(
    (authentication) => authentication.rules,
  );
  const given = new Set(['authorization', ...rules.flatMap(headersOf)]);
  const names = new Set(reading.flatMap(({ headers }) => headers).filter((name) => given.has(name)));
  return [...names]
    .toSorted()
    .map((name) => `header \`${name}\`, which rules read, is not given or removed by a token`);
}

/** Each mesh is read once: few policies read headers at all. */
function readersOf(mesh: Mesh): readonly Reader[] {
  const readers = known.get(mesh) ?? mesh.authorizationPolicies.filter(decides).flatMap(tryReader);
  known.set(mesh, readers);
  return readers;
}

const decides = ({ action, enforcement }: AuthorizationPolicy): boolean =>
  action.kind !== 'AUDIT' && enforcement === 'enforced';

function tryReader({ namespace, attachment, rules }: AuthorizationPolicy): readonly Reader[] {
  const clauses = rules.flatMap((rule) => rule.parts.flatMap((part) => part.alternatives.flat()));
  const headers = clauses.flatMap((clause) => (clause.on === 'header' ? [clause.name] : []));
  return headers.length === 0 ? [] : [{ namespace, attachment, headers }];
}

function headersOf(rule: JwtRule): readonly string[] {
  const written = [rule.outputPayloadToHeader, ...rule.outputClaimToHeaders.map(({ header }) => header)];
  return [...written, ...rule.fromHeaders.map(({ name }) => name)];
}
