/** What must be there before anything is changed; everything that is missing is told at once, with its repair. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterNames } from '#infra/cluster/kind-config.ts';
import type { GatewayPlace } from '#infra/cluster/open-gateway.ts';
import { kind } from '#infra/environments/kind.ts';
import type { Intent } from '#policies/analysis/compare/intent.ts';
import { readPods } from '#policies/cli/live/caller.ts';
import { type Connection, connect } from '#policies/cli/live/connect.ts';
import { readUserKey } from '#policies/cli/live/inputs.ts';
import type { SigningKey } from '#policies/cli/live/user-token.ts';
import { readIntent } from '#policies/cli/read-intent.ts';
import { catalog } from '#services/catalog.ts';
import { CannotRun } from './cannot-run.ts';

/** What the suite starts from. */
export interface Prerequisites {
  readonly connection: Connection;
  readonly intent: Intent;
  readonly key: SigningKey;
  readonly trade: GatewayPlace;
  readonly rootNamespace: string;
  /** The image of a service, which holds the probe program. */
  readonly image: string;
}

/** Collects them. Errors: `CannotRun` with every reason. */
export async function prerequisites(root: string, context: string | undefined): Promise<Prerequisites> {
  const names = clusterNames(readFileSync(join(root, 'kind-config.yaml'), 'utf8'));
  const chosen = context ?? names.context;
  if (!chosen.startsWith('kind-'))
    throw new CannotRun([`context \`${chosen}\`: the suite takes policies away, so it runs on kind clusters only`]);
  const intentFile = join(root, 'dist', 'kind', 'intent.json');
  const keyFile = join(root, '.meshwright', 'keys', 'user-signing.jwk.json');
  const missing = [intentFile, keyFile].filter((file) => !existsSync(file));
  const connection = await connect(chosen);
  const reasons = [
    ...missing.map((file) => `${file}: not there; run \`make synth\``),
    ...(connection.ok
      ? []
      : connection.problems.map(({ message, help }) => `${message}; ${help}; \`make up\` makes the cluster`)),
  ];
  if (reasons.length > 0 || !connection.ok) throw new CannotRun(reasons);
  const [intent, key] = [await readIntent(intentFile), await readUserKey(keyFile)];
  const unreadable = [...(intent.ok ? [] : intent.problems), ...(key.ok ? [] : key.problems)];
  if (!intent.ok || !key.ok || key.value === null)
    throw new CannotRun(unreadable.map(({ at, message }) => `${at.file}: ${message}`));
  return {
    connection: connection.value,
    intent: intent.value,
    key: key.value,
    trade: { root, host: kind.ingress.host, port: names.gatewayPort },
    rootNamespace: kind.rootNamespace,
    image: await serviceImage(connection.value),
  };
}

/** The image of a running service. Errors: `CannotRun` naming the workloads without a ready pod. */
async function serviceImage({ api, context }: Connection): Promise<string> {
  const pods = await readPods({ api });
  const absent = catalog.filter(
    ({ namespace, name }) =>
      !pods.some((pod) => pod.namespace === namespace && pod.labels['app.kubernetes.io/name'] === name),
  );
  if (absent.length > 0) {
    const named = absent.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
    throw new CannotRun([`no ready pod of ${named} in ${context}; run \`make up\`, \`make status\` shows the state`]);
  }
  const { body } = await api.send({ path: '/apis/apps/v1/namespaces/trading/deployments/order' });
  const found = JSON.stringify(body).match(/"image":"([^"]+)"/)?.[1];
  if (found === undefined) throw new CannotRun(['deployment trading/order names no image']);
  return found;
}
