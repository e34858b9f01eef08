/** The life of the kind cluster: made once, found again, made anew when an earlier run was interrupted inside `kind`. */
import { createHash } from 'node:crypto';
import { ClusterError } from './cluster-error.ts';
import { expectOutput, type Run } from './command.ts';
import type { ClusterNames } from './kind-config.ts';
import type { Say } from './progress.ts';

/** What the node container of an earlier run is. */
export type FoundCluster =
  | { readonly kind: 'absent' }
  /** Its creation did not end, or its container stopped: etcd lives in memory, so nothing of it can be used. */
  | { readonly kind: 'broken'; readonly because: string }
  /** Made from another configuration or node image than the present one. */
  | { readonly kind: 'other' }
  | { readonly kind: 'usable' };

/** A file inside the node, written when `kind` has ended well; it holds the digest of the configuration. */
const marker = '/etc/meshwright-cluster';

const digestOf = (configuration: string): string => createHash('sha256').update(configuration).digest('hex');

/** Looks for the cluster. */
export async function findCluster(run: Run, names: ClusterNames, configuration: string): Promise<FoundCluster> {
  const { nodeContainer } = names;
  const state = await run('docker', ['container', 'inspect', '--format', '{{.State.Status}}', nodeContainer]);
  if (state.code !== 0) return { kind: 'absent' };
  const status = state.stdout.trim();
  if (status !== 'running') return { kind: 'broken', because: `its node is ${status}` };
  const mark = await run('docker', ['exec', nodeContainer, 'cat', marker]);
  if (mark.code !== 0) return { kind: 'broken', because: 'its creation was interrupted' };
  return { kind: mark.stdout.trim() === digestOf(configuration) ? 'usable' : 'other' };
}

/**
 * Makes sure that the cluster is there. Resolves to what happened in a word. Errors: ClusterError with kind's last
 * lines, or when a cluster of another configuration is in the way: that one is never taken down unasked.
 */
export async function ensureCluster(
  run: Run,
  names: ClusterNames,
  { configuration, say }: { readonly configuration: string; readonly say: Say },
): Promise<'created' | 'there' | 'created anew'> {
  const found = await findCluster(run, names, configuration);
  if (found.kind === 'usable') {
    await exportKubeconfig(run, names);
    return 'there';
  }
  if (found.kind === 'other')
    throw new ClusterError(`cluster \`${names.cluster}\` was made with another node image or configuration`, [
      'run `make down` first, or use the image it was made with',
    ]);
  if (found.kind === 'broken') {
    say(`removing what is there: ${found.because}`);
    await deleteCluster(run, names);
  }
  say('kind creates the node');
  const args = ['create', 'cluster', '--name', names.cluster, '--config', '-'] as const;
  await expectOutput(run, ['kind', ...args], { input: configuration });
  await expectOutput(run, ['docker', 'exec', '-i', names.nodeContainer, 'tee', marker], {
    input: digestOf(configuration),
  });
  return found.kind === 'broken' ? 'created anew' : 'created';
}

/** A cluster whose kubeconfig entry was lost gets it again. */
async function exportKubeconfig(run: Run, { cluster, context }: ClusterNames): Promise<void> {
  const known = await run('kubectl', ['config', 'get-contexts', context, '--output=name']);
  if (known.code !== 0) await expectOutput(run, ['kind', 'export', 'kubeconfig', '--name', cluster]);
}

/** Removes the cluster: its container, its volume and its entry in the kubeconfig. */
export async function deleteCluster(run: Run, { cluster }: ClusterNames): Promise<void> {
  await expectOutput(run, ['kind', 'delete', 'cluster', '--name', cluster]);
}
