/** The rendered manifests of one environment, with this site's images in them, in the order of applying. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CORE_SCHEMA, loadAll } from 'js-yaml';

/** One Kubernetes object; deep members are plain JSON. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [member: string]: unknown;
}

/** One rendered object and the file of its namespace that it stands in. Shape of `file`: `30-policies.yaml`. */
export interface Manifest {
  readonly file: string;
  readonly object: KubernetesObject;
}

/** Reads every manifest below `folder` (`dist/kind/manifests`). Errors: what reading files and YAML throws. */
export async function readManifests(folder: string): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const namespace of (await readdir(folder)).sort()) {
    for (const file of (await readdir(join(folder, namespace))).sort()) {
      const text = await readFile(join(folder, namespace, file), 'utf8');
      for (const object of loadAll(text, { schema: CORE_SCHEMA }))
        manifests.push({ file, object: object as KubernetesObject });
    }
  }
  return manifests;
}

/** The steps of applying; a step begins only when the one before is accepted as a whole. */
export interface ApplyPlan {
  /** Before Istio is there: namespaces, whose labels decide what may run in them. */
  readonly namespaces: readonly KubernetesObject[];
  /** Nobody calls, nobody reaches, mutual TLS only; the mesh's own namespace first. */
  readonly closed: readonly KubernetesObject[];
  /** Accounts, policies, routes, services. */
  readonly opened: readonly KubernetesObject[];
  /** Pods that need no database, the database's own included. */
  readonly first: readonly KubernetesObject[];
  /** Pods of services whose tables a migration makes. */
  readonly afterMigration: readonly KubernetesObject[];
}

/**
 * Orders manifests so that there is no moment in which something runs or is admitted before its default deny: each
 * step is one call, and what a call refuses stops the next ones. `stateful` are the services with tables of their own.
 */
export function planApplying(
  manifests: readonly Manifest[],
  { rootNamespace, stateful }: { readonly rootNamespace: string; readonly stateful: readonly string[] },
): ApplyPlan {
  const inFile = (wanted: (stage: string) => boolean): readonly KubernetesObject[] =>
    [...manifests]
      .filter(({ file }) => wanted(file.slice(0, 2)))
      .sort((left, right) => rank(left) - rank(right))
      .map(({ object }) => object);
  const rank = ({ file, object }: Manifest): number =>
    Number(file.slice(0, 2)) * 2 + (object.metadata.namespace === rootNamespace ? 0 : 1);
  const workloads = inFile((stage) => stage >= '60');
  const isStateful = ({ metadata }: KubernetesObject): boolean => stateful.includes(metadata.name);
  return {
    namespaces: inFile((stage) => stage === '00'),
    closed: inFile((stage) => stage === '20'),
    opened: inFile((stage) => stage > '00' && stage < '60' && stage !== '20'),
    first: workloads.filter((object) => !isStateful(object)),
    afterMigration: workloads.filter(isStateful),
  };
}

interface Container {
  readonly image?: string;
}

interface Controller {
  readonly spec?: {
    readonly template?: { readonly spec?: Readonly<Record<string, unknown>> };
  };
}

const containerLists = ['initContainers', 'containers'] as const;

/** The images that the pods of an object name; none for objects without pods. */
export function imagesOf(object: KubernetesObject): readonly string[] {
  const pod = (object as Controller).spec?.template?.spec ?? {};
  return containerLists
    .flatMap((list) => (pod[list] as readonly Container[] | undefined) ?? [])
    .flatMap(({ image }) => image ?? []);
}

/** The same object with each image that `replacements` names replaced; everything else is left as it is. */
export function withImages(object: KubernetesObject, replacements: ReadonlyMap<string, string>): KubernetesObject {
  if (!imagesOf(object).some((image) => replacements.has(image))) return object;
  const { spec } = object as Controller;
  const pod = spec?.template?.spec ?? {};
  const replaced = containerLists.flatMap((list) => {
    const containers = pod[list] as readonly Container[] | undefined;
    return containers === undefined ? [] : [[list, containers.map((each) => withImage(each, replacements))] as const];
  });
  return {
    ...object,
    spec: { ...spec, template: { ...spec?.template, spec: { ...pod, ...Object.fromEntries(replaced) } } },
  };
}

const withImage = (container: Container, replacements: ReadonlyMap<string, string>): Container => ({
  ...container,
  ...(container.image === undefined ? {} : { image: replacements.get(container.image) ?? container.image }),
});
