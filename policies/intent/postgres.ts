import { admissionsOf, admitPort } from './admission.ts';

/** Whom `postgres` lets in: the services that keep state, each with a role and a schema of its own. */
export const postgresAdmissions = admissionsOf('postgres', [
  admitPort(5432, { from: ['order', 'risk', 'execution', 'portfolio'] }),
]);
