/** Brings SPIRE into the cluster before anything asks it for an identity: `make up IDENTITY=spire`. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CORE_SCHEMA, loadAll } from 'js-yaml';
import { expectOutput, type Run } from './command.ts';
import { Kubectl } from './kubectl.ts';
import { imagesOf, type KubernetesObject } from './manifests.ts';
import { loadImages, type NodeStore } from './node-images.ts';

/** Where the issuer's manifests are, and how the cluster is reached. */
export interface IssuerRequest {
  readonly run: Run;
  readonly context: string;
  readonly node: NodeStore;
  /** Files in the order of applying, `dist/kind-spire-issuer` or a site's own (`SPIRE_MANIFESTS`). */
  readonly folder: string;
}

/** The objects of each file, in the order of applying. */
async function readStages(folder: string): Promise<readonly (readonly KubernetesObject[])[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).sort();
  return Promise.all(
    files.map(
      async (file) =>
        loadAll(await readFile(join(folder, file), 'utf8'), { schema: CORE_SCHEMA }) as readonly KubernetesObject[],
    ),
  );
}

const patience = '--timeout=180s';

/** What kubectl waits for until one object does its work; undefined for objects that do none. */
function waitingFor({ kind, metadata }: KubernetesObject): readonly string[] | undefined {
  const { name, namespace = '' } = metadata;
  switch (kind) {
    case 'CustomResourceDefinition':
      return ['wait', '--for=condition=Established', patience, `crd/${name}`];
    case 'DaemonSet':
    case 'StatefulSet':
      return ['rollout', 'status', patience, '--namespace', namespace, `${kind.toLowerCase()}/${name}`];
    default:
      return undefined;
  }
}

/**
 * Applies one stage after the other; the next begins when the definitions of the one before are served and its pods
 * run, since the server's webhook judges the registrations and the kubelet must know the CSI driver before the first
 * proxy starts. Images that the engine holds are brought to the node first. Resolves to the number of objects.
 * Errors: ClusterError with kubectl's words.
 */
export async function installIssuer({ run, context, node, folder }: IssuerRequest): Promise<number> {
  const kubectl = new Kubectl(run, context, 'meshwright-issuer');
  const stages = await readStages(folder);
  await loadImages(node, { required: [], wanted: stages.flat().flatMap((object) => imagesOf(object)) });
  for (const stage of stages) {
    await kubectl.apply(stage);
    for (const object of stage) {
      const args = waitingFor(object);
      if (args !== undefined) await expectOutput(run, ['kubectl', '--context', context, ...args]);
    }
  }
  return stages.flat().length;
}
