/** Headers that tokens give, and rules that read them: their values are not modelled. Source: semantics.md 8. */
import type { AuthorizationPolicy } from '../language/authorization.ts';
import type { JwtRule, Mesh, Workload } from '../language/mesh.ts';
import { applicable } from './attachment.ts';

/** The assumptions of a workload whose rules read what a token carries, or what is written or removed after its check. */
export function tokenHeaderAssumptions(mesh: Mesh, workload: Workload): readonly string[] {
  const names = new Set(applicable(mesh.authorizationPolicies, mesh, workload).filter(decides).flatMap(headersRead));
  if (names.size === 0) return [];
  const rules = applicable(mesh.requestAuthentications, mesh, workload).flatMap(
    (authentication) => authentication.rules,
  );
  const given = new Set(['authorization', ...rules.flatMap(headersOf)]);
  return [...names]
    .filter((name) => given.has(name))
    .toSorted()
    .map((name) => `header \`${name}\`, which rules read, is not given or removed by a token`);
}

const decides = ({ action, enforcement }: AuthorizationPolicy): boolean =>
  action.kind !== 'AUDIT' && enforcement === 'enforced';

/** The headers that a policy reads, by loops alone: few policies read any, and every rule is looked at. */
function headersRead({ rules }: AuthorizationPolicy): readonly string[] {
  const names: string[] = [];
  for (const { parts } of rules)
    for (const { alternatives } of parts)
      for (const clauses of alternatives)
        for (const clause of clauses) if (clause.on === 'header') names.push(clause.name);
  return names;
}

function headersOf(rule: JwtRule): readonly string[] {
  const written = [rule.outputPayloadToHeader, ...rule.outputClaimToHeaders.map(({ header }) => header)];
  return [...written, ...rule.fromHeaders.map(({ name }) => name)];
}
