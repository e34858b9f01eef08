/** The default deny of a workload: it must not depend on any other policy. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { applicable } from '../attachment.ts';
import type { Ledger } from './obligation.ts';

/** Checks that an enforced ALLOW policy without rules applies: with it nothing is allowed that no rule names. */
export function checkDefaultDeny(ledger: Ledger, mesh: Mesh, workload: Workload): void {
  const closes = applicable(mesh.authorizationPolicies, mesh, workload).some(
    ({ action, enforcement, rules }) => action.kind === 'ALLOW' && enforcement === 'enforced' && rules.length === 0,
  );
  if (closes) return;
  ledger.failed = true;
  ledger.notes.add(`\`${workload.namespace}/${workload.name}\`: no ALLOW policy without rules applies`);
}
