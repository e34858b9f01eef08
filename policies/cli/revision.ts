/** How a source names what a git revision holds. */

/** Splits `REVISION:PATH` as git reads it; undefined when the text has no such form. */
export function tryParseRevision(source: string): { readonly revision: string; readonly path: string } | undefined {
  const colon = source.indexOf(':');
  if (colon <= 0 || source.includes('://')) return undefined;
  return { revision: source.slice(0, colon), path: source.slice(colon + 1) };
}
