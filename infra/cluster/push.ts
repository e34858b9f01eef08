/** `make push SERVICE=order`: one changed service into the running cluster. */
import { join } from 'node:path';
import { ClusterAccess } from './access.ts';
import { UnusableInput } from './cluster-error.ts';
import { Kubectl } from './kubectl.ts';
import { imagesOf, readManifests, withImages } from './manifests.ts';
import { loadImages } from './node-images.ts';
import type { Progress } from './progress.ts';
import { waitForWorkloads, workloadsOf } from './rollout.ts';
import { buildServiceImages, removeOlderImages } from './service-images.ts';
import type { Site } from './site.ts';
import { imageReplacements, serviceImageRequests } from './site-images.ts';

const readyMs = 60_000;

/** Builds, loads and rolls out one service. Errors: UnusableInput for a service that the manifests do not run; ClusterError. */
export async function pushService(site: Site, service: string, progress: Progress): Promise<void> {
  const { run, root, state, names, parameters, environment } = site;
  const manifests = await readManifests(join(site.dist, 'manifests'));
  const requests = serviceImageRequests(manifests, environment.images.registry);
  const request = requests.find((each) => each.service === service);
  if (request === undefined) {
    const known = requests.map((each) => each.service).join(', ');
    throw new UnusableInput([`service \`${service}\`: expected one of ${known}; run \`make push SERVICE=order\``]);
  }
  const access = new ClusterAccess(names.context);
  const images = await progress.stage('image', async () => {
    const built = await buildServiceImages({ run, root, state, baseImage: parameters.nodeBaseImage }, [request]);
    return [built.map((image) => `${image.built} ${image.outcome}`).join(', '), built];
  });
  await progress.stage('node', async () => {
    const required = images.map((image) => image.built);
    const { loaded } = await loadImages({ run, ...names }, { required, wanted: [] });
    await removeOlderImages(run, images);
    return [loaded.length === 0 ? 'had it' : 'loaded', undefined];
  });
  await progress.stage('rollout', async (say) => {
    const replacements = imageReplacements(parameters, images);
    const objects = manifests.map(({ object }) => object);
    const concerned = objects.filter((object) => imagesOf(object).includes(request.reference));
    const changed = concerned.map((object) => withImages(object, replacements));
    await new Kubectl(run, names.context).apply(changed);
    await waitForWorkloads(workloadsOf(changed), { access, say, deadlineMs: readyMs });
    return ['ready', undefined];
  });
}
