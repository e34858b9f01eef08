/** The door of this folder: every environment that synthesis writes. */
import type { Environment } from './environment.ts';
import { kind } from './kind.ts';
import { kindSpire } from './kind-spire.ts';
import { production } from './production.ts';

export type { Environment } from './environment.ts';
export type { FederatedDomain } from './federation.ts';
export type { Identity, SpireIdentity, SpireInstallation } from './identity.ts';
export type { Resources } from './resources.ts';

/** The environments in the order in which `make synth` reports them. */
export const environments: readonly Environment[] = [kind, kindSpire, production];
