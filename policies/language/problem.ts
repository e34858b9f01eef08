/** One step of a path into a document: a member's name or a list index. */
export type Step = string | number;

/** Where something stands: file, document path such as `spec.rules[0].to`, and line counted from 1. */
export interface Location {
  readonly file: string;
  readonly path: string;
  readonly line: number;
}

/**
 * One fault of the input, with where it is and, in `help`, how to repair it.
 * Shape: `code` is stable and area-first (`schema/type`, `webhook/empty-value`); `message` follows house rule 21.
 */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly at: Location;
  readonly help?: string;
}

/** A value, or every reason why there is none. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Builds one problem; an absent `help` leaves the member out. */
export function problem(code: string, message: string, at: Location, help?: string): Problem {
  return help === undefined ? { code, message, at } : { code, message, at, help };
}

/** User text in backticks, on one line and cut after 80 characters. */
export function quote(text: string): string {
  const line = JSON.stringify(text.slice(0, 80)).slice(1, -1).replaceAll('\\"', '"');
  return `\`${line}${text.length > 80 ? '…' : ''}\``;
}

/** Writes a path as people read it: `['spec', 'rules', 0, 'a.b']` gives `spec.rules[0]["a.b"]`. */
export function printPath(path: readonly Step[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
