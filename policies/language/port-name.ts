/** Ports by number or name, as the API server accepts them. Source: kubernetes `ValidatePortNumOrName`. */
import type { Cursor } from './parse-cursor.ts';
import { type Problem, problem, quote } from './problem.ts';

/** A named port: at most 15 lower-case letters, digits and single hyphens, at least one letter. */
const isPortName = (name: string): boolean =>
  name.length <= 15 && /[a-z]/.test(name) && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name);

/** What is wrong with a port number or name. Errors: `schema/port`. */
export function portNumberOrNameFaults(port: Cursor): readonly Problem[] {
  const { value } = port;
  if (typeof value === 'string' && !isPortName(value)) {
    const help = /^\d+$/.test(value) ? 'write the number without quotes' : undefined;
    const message = `expected a port number or a port name, got the string ${quote(value)}`;
    return [problem('schema/port', message, port.at(), help)];
  }
  if (typeof value === 'number' && (value < 1 || value > 65_535))
    return [problem('schema/port', `expected a port between 1 and 65535, got \`${value}\``, port.at())];
  return [];
}

/** True iff a Service's `targetPort` says nothing: then it is the port itself. */
export const isUnsetTarget = (target: Cursor): boolean =>
  !target.isPresent() || target.value === 0 || target.value === '';

/** The faults of a Service's target ports. Errors: `schema/port`. */
export function targetPortFaults(spec: Cursor): readonly Problem[] {
  const targets = spec
    .get('ports')
    .items()
    .map((entry) => entry.get('targetPort'));
  return targets.filter((target) => !isUnsetTarget(target)).flatMap(portNumberOrNameFaults);
}
