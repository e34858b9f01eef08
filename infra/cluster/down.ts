/** `make down`: nothing of `make up` stays behind. */
import { rm } from 'node:fs/promises';
import { deleteCluster } from './kind-cluster.ts';
import type { Progress } from './progress.ts';
import { imagesLike } from './service-images.ts';
import type { Site } from './site.ts';

/**
 * Removes the cluster (container, volume, kubeconfig entry), the service images, and the files of this folder. The
 * engine's network `kind` is shared by all kind clusters and goes with the last of them. Errors: ClusterError.
 */
export async function takeDown({ run, names, state, environment }: Site, progress: Progress): Promise<void> {
  await progress.stage('cluster', async () => {
    await deleteCluster(run, names);
    return ['removed, with its entry in the kubeconfig', undefined];
  });
  await progress.stage('images', async () => {
    const images = await imagesLike(run, `${environment.images.registry}/*`);
    if (images.length > 0) await run('docker', ['image', 'rm', ...images]);
    return [`${images.length} removed`, undefined];
  });
  await progress.stage('network', async () => {
    const others = await run('kind', ['get', 'clusters', '--quiet']);
    if (others.stdout.trim() !== '') return ['kept: other kind clusters use it', undefined];
    const removed = await run('docker', ['network', 'rm', 'kind']);
    return [removed.code === 0 ? 'removed' : 'there was none', undefined];
  });
  await progress.stage('files', async () => {
    await rm(state, { recursive: true, force: true });
    return [`${state} removed`, undefined];
  });
}
