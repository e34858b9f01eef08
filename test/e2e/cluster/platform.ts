/** On what a run was made: versions of the cluster and the machine's size, as they say themselves. */
import { cpus, totalmem } from 'node:os';
import type { Json } from '#policies/cli/live/api.ts';
import type { Connection } from '#policies/cli/live/connect.ts';

/** Versions and sizes. */
export interface Platform {
  readonly kubernetes: string;
  /** The version in the tag of the control plane's image. */
  readonly istio: string;
  readonly machine: string;
  readonly node: string;
}

const gibibyte = 2 ** 30;

/** Asks the cluster and the machine. */
export async function readPlatform({ api }: Connection, rootNamespace: string): Promise<Platform> {
  const version = await api.send({ path: '/version' });
  const istiod = await api.send({ path: `/apis/apps/v1/namespaces/${rootNamespace}/deployments/istiod` });
  const [processor] = cpus();
  return {
    kubernetes: typeof version.body === 'string' ? 'unknown' : String(version.body['gitVersion']),
    istio: /"image":"[^"]*:v?([0-9.]+)/.exec(JSON.stringify(istiod.body as Json))?.[1] ?? 'unknown',
    machine: `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, ${(totalmem() / gibibyte).toFixed(0)} GiB`,
    node: process.versions.node,
  };
}
