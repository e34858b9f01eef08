/** The door of this folder: every environment that synthesis writes. */
import type { Environment } from './environment.ts';
import { kind } from './kind.ts';
import { production } from './production.ts';

export type { Environment, Resources } from './environment.ts';

/** The environments in the order in which `make synth` reports them. */
export const environments: readonly Environment[] = [kind, production];
