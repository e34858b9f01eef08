import type { StoredSpan } from './span-store.ts';

interface Node {
  readonly stored: StoredSpan;
  readonly children: Node[];
}

const kinds: Readonly<Record<number, string>> = {
  1: 'internal',
  2: 'server',
  3: 'client',
  4: 'producer',
  5: 'consumer',
};

/**
 * Prints a trace as a tree, a line a span, children under their parent in the order of their start.
 * Shape of a line: `├─ order.trading  server  trading.order.v1.OrderService/PlaceOrder  +1.20 ms  14.31 ms`.
 */
export function printTrace(spans: readonly StoredSpan[]): string {
  const roots = buildTree(spans);
  const begin = Math.min(...roots.map((root) => startMs(root.stored)));
  const rows: string[][] = [];
  for (const root of roots) addRows(root, { first: '', rest: '' }, begin, rows);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(([tree = '', kind = '', name = '', ...times]) =>
      [
        tree.padEnd(widths[0] ?? 0),
        kind.padEnd(widths[1] ?? 0),
        name.padEnd(widths[2] ?? 0),
        ...times.map((time) => time.padStart(11)),
      ]
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function buildTree(spans: readonly StoredSpan[]): readonly Node[] {
  const nodes = new Map<string, Node>(spans.map((stored) => [stored.span.spanId, { stored, children: [] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.stored.span.parentSpanId ?? '');
    (parent?.children ?? roots).push(node);
  }
  const byStart = (left: Node, right: Node): number => startMs(left.stored) - startMs(right.stored);
  for (const node of nodes.values()) node.children.sort(byStart);
  return roots.sort(byStart);
}

function addRows(
  node: Node,
  lead: { readonly first: string; readonly rest: string },
  begin: number,
  rows: string[][],
): void {
  const { service, span } = node.stored;
  const duration = Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6;
  const failed = span.status?.code === 2 ? ' !' : '';
  rows.push([
    `${lead.first}${service}`,
    kinds[span.kind ?? 0] ?? '',
    span.name,
    `+${(startMs(node.stored) - begin).toFixed(2)} ms`,
    `${duration.toFixed(2)} ms${failed}`,
  ]);
  node.children.forEach((child, index) => {
    const last = index === node.children.length - 1;
    addRows(
      child,
      { first: `${lead.rest}${last ? '└─ ' : '├─ '}`, rest: `${lead.rest}${last ? '   ' : '│  '}` },
      begin,
      rows,
    );
  });
}

const startMs = (stored: StoredSpan): number => Number(BigInt(stored.span.startTimeUnixNano) / 1000n) / 1000;
