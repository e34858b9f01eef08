import { cpus, totalmem } from 'node:os';
import type { Binaries } from './binaries.ts';
import { output } from './processes.ts';

const first = (text: string) => text.trim().split('\n')[0] ?? '';

/** What ran where, in one line. */
export async function versionsLine(binaries: Binaries): Promise<string> {
  const of = async (file: string, ...args: string[]) => first((await output(file, args, { tolerate: true })).stdout);
  const envoy = (await of(binaries.envoy, '--version')).split('/')[1] ?? 'unknown';
  const parts = [
    await of(binaries.etcd, '--version'),
    `kube-apiserver ${(await of(binaries['kube-apiserver'], '--version')).replace('Kubernetes ', '')}`,
    `istiod ${await of(binaries['pilot-discovery'], 'version', '--short')}`,
    `Envoy ${envoy}`,
    `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  ];
  return parts.join('; ');
}
