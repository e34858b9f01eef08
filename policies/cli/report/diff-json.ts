/** A difference for programs, version 1 (`difference.schema.json`). */
import type { DifferenceReport } from './difference.ts';

/** The whole difference, unchanged grants included. */
export function diffJson({ difference, before, after }: DifferenceReport): string {
  const { changes, weakened, paths, unknown, same } = difference;
  return `${JSON.stringify({ version: 1, before, after, changes, weakened, paths, unknown, same }, null, 2)}\n`;
}
