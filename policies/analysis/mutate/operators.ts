/** Every first-order mutation operator, in the order of the reference's table. */
import type { Operator } from './mutant.ts';
import { AMBIENT } from './operators/ambient.ts';
import { ATTACHMENT } from './operators/attachment.ts';
import { CONDITION } from './operators/condition.ts';
import { KUBERNETES } from './operators/kubernetes.ts';
import { OPERATION } from './operators/operation.ts';
import { SOURCE } from './operators/source.ts';
import { STRUCTURE } from './operators/structure.ts';
import { TRANSPORT } from './operators/transport.ts';

/** All operators. */
export const OPERATORS: readonly Operator[] = [
  ...STRUCTURE,
  ...ATTACHMENT,
  ...SOURCE,
  ...OPERATION,
  ...CONDITION,
  ...TRANSPORT,
  ...AMBIENT,
  ...KUBERNETES,
];
