import type { Cursor } from './parse-cursor.ts';
import { type Problem, problem } from './problem.ts';

/** A fault that istiod finds at one place of a document; its code is `webhook/` and `rule`. */
export const fault = (rule: string, message: string, where: Cursor, help?: string): Problem =>
  problem(`webhook/${rule}`, message, where.at(), help);
