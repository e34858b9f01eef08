/** On what a run was made: versions of the cluster and the machine's size, as they say themselves. */
import { cpus, release, totalmem, type } from 'node:os';
import type { Json } from '#policies/cli/live/api.ts';
import type { Connection } from '#policies/cli/live/connect.ts';

/** Versions and sizes. */
export interface Platform {
  readonly kubernetes: string;
  /** Images of the control plane and of one proxy. */
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
    istio: /"image":"[^"]*:([^":]+)"/.exec(JSON.stringify(istiod.body as Json))?.[1] ?? 'unknown',
    machine: `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, ${(totalmem() / gibibyte).toFixed(0)} GiB, ${type()} ${release()}`,
    node: process.versions.node,
  };
}
