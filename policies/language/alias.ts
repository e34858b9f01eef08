/** Nodes that a document with aliases may stand for; beyond that it must also stand for ten times what it writes. */
const EXPANDED_NODES = 100_000;
const EXPANSION_RATIO = 10;
/** Nesting that a document may reach through aliases, as the parser allows without them. */
const NESTING = 100;

/** Why a document's aliases make it unusable. */
export interface SharingFault {
  readonly code: 'yaml/alias-bomb' | 'yaml/recursive-alias';
  readonly message: string;
}

const RECURSIVE: SharingFault = { code: 'yaml/recursive-alias', message: 'an alias refers to a node that contains it' };
const TOO_DEEP: SharingFault = { code: 'yaml/alias-bomb', message: `aliases nest deeper than ${NESTING} levels` };

/** A node with every alias written out: number of nodes in it, and levels below it. */
interface Extent {
  readonly nodes: number;
  readonly height: number;
}

type Measured = Extent | SharingFault;

const LEAF: Extent = { nodes: 1, height: 0 };

function measure(value: unknown, depth: number, known: Map<object, Measured>): Measured {
  if (typeof value !== 'object' || value === null) return LEAF;
  const earlier = known.get(value);
  if (earlier !== undefined) return earlier;
  if (depth > NESTING) return TOO_DEEP;
  known.set(value, RECURSIVE);
  let extent = LEAF;
  for (const part of Object.values(value)) {
    const inner = measure(part, depth + 1, known);
    if ('code' in inner) return inner;
    extent = { nodes: extent.nodes + inner.nodes, height: Math.max(extent.height, inner.height + 1) };
  }
  const measured = extent.height > NESTING ? TOO_DEEP : extent;
  known.set(value, measured);
  return measured;
}

/** What is wrong with the aliases of a document of `written` nodes, if anything: they may neither recur nor explode. */
export function sharingFault(value: unknown, written: number): SharingFault | undefined {
  const extent = measure(value, 0, new Map());
  if ('code' in extent) return extent;
  if (extent.nodes <= EXPANDED_NODES || extent.nodes <= written * EXPANSION_RATIO) return undefined;
  return { code: 'yaml/alias-bomb', message: `aliases blow ${written} nodes up to ${extent.nodes.toExponential(1)}` };
}
