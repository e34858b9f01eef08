/** Where and with what the platform is brought up: everything that the commands of this folder share. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../environments/index.ts';
import { kind } from '../environments/kind.ts';
import { UnusableInput } from './cluster-error.ts';
import { type Run, runCommand } from './command.ts';
import { type ClusterNames, clusterNames } from './kind-config.ts';
import { type Parameters, readParameters } from './parameters.ts';
import type { Say } from './progress.ts';

/** One run of a command. */
export interface Site {
  readonly run: Run;
  readonly say: Say;
  /** The repository. */
  readonly root: string;
  /** Where this folder keeps what outlives a run; `make down` removes it. */
  readonly state: string;
  /** The rendered environment, `dist/kind`. */
  readonly dist: string;
  /** The manifests of the issuer, applied before Istio; undefined where istiod signs. */
  readonly issuer: string | undefined;
  readonly environment: Environment;
  readonly parameters: Parameters;
  readonly names: ClusterNames;
  /** The text of `kind-config.yaml`. */
  readonly kindConfig: string;
}

/** Reads the site of this process. Errors: UnusableInput with every parameter that cannot be used. */
export function openSite(options: {
  readonly root: string;
  readonly dist: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: Say;
}): Site {
  const { root, env, say } = options;
  const read = readParameters(env, existsSync);
  if (!read.ok) throw new UnusableInput(read.problems);
  const dist = join(root, options.dist);
  if (!existsSync(join(dist, 'manifests')))
    throw new UnusableInput([`${options.dist}: no manifests there; run \`make synth\``]);
  const rendered = `${dist}-issuer`;
  const kindConfig = readFileSync(join(root, 'kind-config.yaml'), 'utf8');
  return {
    run: runCommand,
    say,
    root,
    state: join(root, '.meshwright', 'cluster'),
    dist,
    issuer: existsSync(rendered) ? (read.parameters.spireManifests ?? rendered) : undefined,
    environment: kind,
    parameters: read.parameters,
    names: clusterNames(kindConfig),
    kindConfig,
  };
}
