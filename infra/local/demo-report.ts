/** What `make demo` prints: the matrix of callers and methods, and figures. Pure text from values. */
import Table from 'cli-table3';
import type { LiveCell } from './live-matrix.ts';
import { methodName } from './matrix.ts';

/** What one caller came to at one method, over all token states that were probed. */
type Mark = 'allowed' | 'user' | 'policy' | 'transport' | 'wrong';

const symbols: Readonly<Record<Mark, string>> = { allowed: '+', user: 'U', policy: '.', transport: 'x', wrong: '!' };

/** Explains the symbols of the matrix. */
const matrixLegend =
  '+ allowed   U allowed with the right user token only   . refused by policy (403, gRPC 7)   x refused in the handshake or by the codec   ! not as declared';

function markOf(cells: readonly LiveCell[]): Mark {
  if (cells.some(({ holds }) => !holds)) return 'wrong';
  const reached = cells.filter(({ expected }) => expected.layer === 'reached');
  if (reached.length > 0) return cells.length === reached.length ? 'allowed' : 'user';
  const inFront = cells.every(({ expected }) => expected.layer === 'transport' || expected.layer === 'codec');
  return inFront ? 'transport' : 'policy';
}

const shortPath = (name: string): string =>
  name
    .replace(/ POST \/(?:[a-z0-9]+\.)+([A-Za-z]+)\//, ' $1/')
    .replace(/ POST ((?:[a-z0-9]+\.)+)([A-Za-z]+)\//, ' (no slash) $2/');

/** The matrix: a row a method, a column a caller. */
export function printMatrix(results: readonly LiveCell[]): string {
  const names = [...new Set(results.map(({ cell }) => cell.caller.name))];
  const columns = names.map((name, index) => ({ name, letter: String.fromCharCode(65 + index) }));
  const rows = new Map<string, LiveCell[]>();
  for (const result of results) {
    const key = methodName(result.cell.method);
    rows.set(key, [...(rows.get(key) ?? []), result]);
  }
  const table = new Table({
    head: ['method', ...columns.map(({ letter }) => letter)],
    style: { head: [], border: [], compact: true },
  });
  for (const [key, cells] of rows)
    table.push([
      shortPath(key),
      ...columns.map(({ name }) => symbols[markOf(cells.filter(({ cell }) => cell.caller.name === name))]),
    ]);
  return [table.toString(), columns.map(({ name, letter }) => `${letter} ${name}`).join('   '), matrixLegend].join(
    '\n',
  );
}

/** How many denied cells each layer refused, the most first: `authorization-policy 412, peer-authentication 153`. */
export function printLayers(results: readonly LiveCell[]): string {
  const counts = new Map<string, number>();
  for (const { expected, answer } of results)
    if (expected.layer !== 'reached') counts.set(answer.layer, (counts.get(answer.layer) ?? 0) + 1);
  return [...counts]
    .sort(([, left], [, right]) => right - left)
    .map(([layer, count]) => `${layer} ${count}`)
    .join(', ');
}

/** A table of label and value. */
export function printFigures(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`).join('\n');
}
