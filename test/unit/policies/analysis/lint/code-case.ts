import type { Parts } from './lint-mesh.ts';

/** A code with a mesh that shows it and a near relative that does not. */
export interface CodeCase {
  readonly code: string;
  readonly bad: Parts;
  readonly good: Parts;
  /** Why the good mesh is good. */
  readonly because: string;
}
