/** Nodes that a document with aliases may stand for; beyond that it must also stand for ten times what it writes. */
const EXPANDED_NODES = 100_000;
const EXPANSION_RATIO = 10;

/** Why a document's aliases make it unusable. */
export interface SharingFault {
  readonly code: 'yaml/alias-bomb' | 'yaml/recursive-alias';
  readonly message: string;
}

/** Number of nodes of `value` with every alias written out; `undefined` when it contains itself. */
function expandedSize(value: unknown, sizes: Map<object, number | 'open'>): number | undefined {
  if (typeof value !== 'object' || value === null) return 1;
  const known = sizes.get(value);
  if (known === 'open') return undefined;
  if (known !== undefined) return known;
  sizes.set(value, 'open');
  let total = 1;
  for (const part of Object.values(value)) {
    const size = expandedSize(part, sizes);
    if (size === undefined) return undefined;
    total += size;
  }
  sizes.set(value, total);
  return total;
}

/** What is wrong with the aliases of a document of `written` nodes, if anything: they may neither recur nor explode. */
export function sharingFault(value: unknown, written: number): SharingFault | undefined {
  const size = expandedSize(value, new Map());
  if (size === undefined)
    return { code: 'yaml/recursive-alias', message: 'an alias refers to a node that contains it' };
  if (size <= EXPANDED_NODES || size <= written * EXPANSION_RATIO) return undefined;
  return { code: 'yaml/alias-bomb', message: `aliases blow ${written} nodes up to ${size.toExponential(1)}` };
}
