import { cpus, totalmem } from 'node:os';
import type { Binaries } from './binaries.ts';
import { output } from './processes.ts';

/** What ran where, in one line: the first version number that each program tells. */
export async function versionsLine(binaries: Binaries): Promise<string> {
  const of = async (file: string, ...args: string[]) => {
    const { stdout } = await output(file, args, { tolerate: true });
    return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown';
  };
  const parts = [
    `etcd ${await of(binaries.etcd, '--version')}`,
    `kube-apiserver ${await of(binaries['kube-apiserver'], '--version')}`,
    `istiod ${await of(binaries['pilot-discovery'], 'version', '--short')}`,
    `Envoy ${await of(binaries.envoy, '--version')}`,
    `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  ];
  return parts.join('; ');
}
