/** The door of this folder: the admissions of every callee and the function that joins both keys. */
import type { Admission } from './admission.ts';
import { executionAdmissions } from './execution.ts';
import { gatewayAdmissions } from './gateway.ts';
import { marketDataAdmissions } from './market-data.ts';
import { orderAdmissions } from './order.ts';
import { portfolioAdmissions } from './portfolio.ts';
import { postgresAdmissions } from './postgres.ts';
import { riskAdmissions } from './risk.ts';

export { expiredGrants } from './expired-grants.ts';
export type { Callee, Caller, Grant, Intent, IntentProblem, UserRequirement } from './grant.ts';
export { type IntentResult, readIntent } from './read-intent.ts';

/** The callees' keys, one list for the whole platform. A new callee's file is added here. */
export const admissions: readonly Admission[] = [
  ...gatewayAdmissions,
  ...orderAdmissions,
  ...riskAdmissions,
  ...executionAdmissions,
  ...marketDataAdmissions,
  ...portfolioAdmissions,
  ...postgresAdmissions,
];
