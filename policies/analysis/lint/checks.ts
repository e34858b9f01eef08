/** Every check, in the order of the reference. */
import { ACCESS } from './checks/access.ts';
import { ADVISORIES } from './checks/advisories.ts';
import { AMBIENT } from './checks/ambient.ts';
import { BYPASS } from './checks/bypass.ts';
import { CAPTURE } from './checks/capture.ts';
import { DEFENCE } from './checks/defence.ts';
import { ENFORCEMENT } from './checks/enforcement.ts';
import { GATEWAYS } from './checks/gateways.ts';
import { IDLE_RULES } from './checks/idle-rules.ts';
import { INSTALLATION } from './checks/installation.ts';
import { PORTS } from './checks/ports.ts';
import { REFERENCES } from './checks/references.ts';
import { REGISTRATIONS } from './checks/registrations.ts';
import { ROUTES } from './checks/routes.ts';
import { SHAPE } from './checks/shape.ts';
import { SPELLING } from './checks/spelling.ts';
import { TOKENS } from './checks/tokens.ts';
import { TRANSPORT } from './checks/transport.ts';
import { VERSIONS } from './checks/versions.ts';
import { WAYPOINTS } from './checks/waypoints.ts';
import type { MeshCheck } from './context.ts';
import type { Check } from './finding.ts';
import { SUPPRESSION_FAULTS } from './suppression.ts';

/** The checks that read the mesh. */
export const MESH_CHECKS: readonly MeshCheck[] = [
  ...SPELLING,
  ...REFERENCES,
  ...SHAPE,
  ...PORTS,
  ...TOKENS,
  ...TRANSPORT,
  ...ENFORCEMENT,
  ...AMBIENT,
  ...WAYPOINTS,
  ...DEFENCE,
  ...IDLE_RULES,
  ...BYPASS,
  ...CAPTURE,
  ...GATEWAYS,
  ...ADVISORIES,
  ...ROUTES,
  ...ACCESS,
  ...REGISTRATIONS,
  ...INSTALLATION,
  ...VERSIONS,
];

/** What is known of a code: everything but how it is found. */
export type CodeEntry = Omit<Check<never>, 'find'>;

/** Every code, those about suppressions included, sorted. */
export const CODES: readonly CodeEntry[] = [...MESH_CHECKS, ...SUPPRESSION_FAULTS]
  .map(({ code, severity, title, resolution }) => ({ code, severity, title, resolution }))
  .toSorted((left, right) => (left.code < right.code ? -1 : 1));
