/** Takes attributes out of a diagram. */
import type { Diagrams, Node } from './diagram.ts';
import type { Universe } from './universe.ts';

/** The diagram that holds where `node` does for some value of the attributes. */
export function forSome(universe: Universe, node: Node, isTaken: (attribute: string) => boolean): Node {
  const levels = new Set(
    universe.attributes
      .filter(({ name }) => isTaken(name))
      .flatMap(({ first, variable }) => variable.levels.map((_, index) => first + index)),
  );
  return levels.size === 0 ? node : project(universe.diagrams, node, levels, new Map());
}

function project(diagrams: Diagrams, node: Node, levels: ReadonlySet<number>, known: Map<Node, Node>): Node {
  if (node <= 1) return node;
  const earlier = known.get(node);
  if (earlier !== undefined) return earlier;
  const fallback = project(diagrams, diagrams.fallback(node), levels, known);
  const children = diagrams.children(node).map((child) => project(diagrams, child, levels, known));
  const level = diagrams.level(node);
  const made = levels.has(level)
    ? diagrams.some([fallback, ...children])
    : diagrams.node(level, fallback, diagrams.values(node), children);
  known.set(node, made);
  return made;
}
