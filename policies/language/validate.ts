import type { SourceDocument } from './document.ts';
import { identify } from './identify.ts';
import { Cursor } from './parse-cursor.ts';
import { targetPortFaults } from './port-name.ts';
import type { Problem } from './problem.ts';
import { validateCel } from './validate-cel.ts';
import { networkPolicyFaults } from './validate-network-policy.ts';
import { validateSchema } from './validate-schema.ts';
import { validateWebhook } from './validate-webhook.ts';

/** Who refuses a document; problem codes begin with it. The order is that of the cluster: the first gate decides. */
const GATES = ['unknown-field', 'schema', 'cel', 'webhook'] as const;

/** One of `GATES`. */
export type Gate = (typeof GATES)[number];

/**
 * Every reason why the API server or istiod would refuse a document; none for kinds this language does not carry.
 * The later gates assume the types that the schema promises, so they are asked only when the schema is content.
 * Errors: codes `unknown-field/…`, `schema/…` (API server), `cel/…` (rules of the CRDs), `webhook/…` (istiod).
 * Source: `semantics.md` section 13.
 */
export function validate(document: SourceDocument): readonly Problem[] {
  const root = new Cursor(document);
  const identity = identify(root);
  if (identity.kind === 'foreign') return [];
  if (identity.kind === 'misplaced') return [identity.problem];
  const structural = validateSchema(document, identity.known.shape);
  if (structural.some(({ code }) => code.startsWith('schema/'))) return structural;
  if (identity.known.kind === 'NetworkPolicy') return [...structural, ...networkPolicyFaults(root.get('spec'))];
  if (identity.known.kind === 'Service') return [...structural, ...targetPortFaults(root.get('spec'))];
  return [...structural, ...validateCel(root, identity.known), ...validateWebhook(root, identity.known)];
}

/** The gate that refuses first, undefined when the problems name none. */
export function firstGate(problems: readonly Problem[]): Gate | undefined {
  return GATES.find((gate) => problems.some(({ code }) => code.startsWith(`${gate}/`)));
}
