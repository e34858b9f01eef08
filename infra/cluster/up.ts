/** `make up`: from a machine with a container engine to the running platform. Run again, it continues. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { catalog } from '#services/catalog.ts';
import { ClusterAccess } from './access.ts';
import { UnusableInput } from './cluster-error.ts';
import { prepareDatabase, servicesWithTables } from './database.ts';
import { installIssuer } from './identity-spire.ts';
import { installIstio } from './istio-installation.ts';
import { ensureCluster } from './kind-cluster.ts';
import { kindConfiguration } from './kind-config.ts';
import { Kubectl } from './kubectl.ts';
import { inspectMachine } from './machine.ts';
import {
  type ApplyPlan,
  type KubernetesObject,
  type Manifest,
  planApplying,
  readManifests,
  withImages,
} from './manifests.ts';
import { loadImages } from './node-images.ts';
import { waitForNodes } from './node-ready.ts';
import { type Machine, needsCgroupV1Consent, preflight } from './preflight.ts';
import type { Outcome, Progress, Say } from './progress.ts';
import { pruneAbandoned } from './prune.ts';
import { waitForWorkloads, workloadsOf } from './rollout.ts';
import { type DatabasePasswords, planDatabaseSecrets, planIngressSecret } from './secrets.ts';
import { buildServiceImages, removeOlderImages, type ServiceImage } from './service-images.ts';
import type { Site } from './site.ts';
import { imageReplacements, serviceImageRequests, stockImages } from './site-images.ts';

/** The running platform, for what comes after. */
export interface Platform {
  readonly access: ClusterAccess;
  /** File with the authority that clients outside the mesh trust. */
  readonly edgeCaFile: string;
  /** Everything that was applied, as it was applied. */
  readonly applied: readonly KubernetesObject[];
}

/** How long pods may take: a first start may have to fetch images. */
const podsDeadlineMs = 300_000;
/** How long a new node may take until it takes pods. */
const nodeDeadlineMs = 180_000;

/** Reading and writing one cluster. */
interface Hands {
  readonly access: ClusterAccess;
  readonly kubectl: Kubectl;
}

/** Waits for all, then fails with the first failure: nothing goes on behind a message that says it ended. */
async function together<A, B>(left: Promise<A>, right: Promise<B>): Promise<readonly [A, B]> {
  const [first, second] = await Promise.allSettled([left, right]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}

/** Finds everything that is missing before anything is made. Errors: UnusableInput, with a line for each. */
async function checkMachine({ run, names, parameters }: Site): Promise<Outcome<Machine>> {
  const machine = await inspectMachine(run, names);
  const complaints = preflight(machine, parameters);
  if (complaints.length > 0) throw new UnusableInput(complaints.map(({ what, fix }) => `${what}; ${fix}`));
  return ['nothing is missing', machine];
}

async function buildImages(site: Site, manifests: readonly Manifest[]): Promise<Outcome<readonly ServiceImage[]>> {
  const { run, root, state, parameters, environment } = site;
  const requests = serviceImageRequests(manifests, environment.images.registry);
  const images = await buildServiceImages({ run, root, state, baseImage: parameters.nodeBaseImage }, requests);
  return [`${images.filter(({ outcome }) => outcome === 'built').length} built, ${images.length} in all`, images];
}

async function makeCluster(site: Site, machine: Machine, say: Say): Promise<Outcome<Hands>> {
  const acceptCgroupV1 = needsCgroupV1Consent(machine.engine, site.parameters.kindNodeImage);
  const configuration = kindConfiguration(site.kindConfig, {
    nodeImage: site.parameters.kindNodeImage,
    acceptCgroupV1,
  });
  const outcome = await ensureCluster(site.run, site.names, { configuration, say });
  const { context } = site.names;
  const note = acceptCgroupV1 ? '; the kubelet is told to accept control groups v1' : '';
  return [`${outcome}${note}`, { access: new ClusterAccess(context), kubectl: new Kubectl(site.run, context) }];
}

/** Objects of one namespace say nothing about those of another: each namespace gets its own call, all at once. */
async function applyByNamespace(kubectl: Kubectl, objects: readonly KubernetesObject[]): Promise<void> {
  const byNamespace = Map.groupBy(objects, ({ metadata }) => metadata.namespace);
  const calls = await Promise.allSettled([...byNamespace.values()].map((own) => kubectl.apply(own)));
  for (const call of calls) if (call.status === 'rejected') throw call.reason;
}

/** Brings up what does not depend on our images: namespaces, Istio, and every policy, before any pod. */
async function closeTheMesh(site: Site, progress: Progress, hands: Hands, plan: ApplyPlan): Promise<Hands> {
  const { run, names, environment, parameters, dist } = site;
  await progress.stage('namespaces', async () => {
    await hands.kubectl.apply(plan.namespaces);
    return [`${plan.namespaces.length}, Pod Security restricted`, undefined];
  });
  const stock = stockImages(parameters);
  await progress.stage('stock images', async () => {
    await waitForNodes({ nodes: () => hands.access.nodes(), deadlineMs: nodeDeadlineMs });
    return fillNode(site, { required: [], wanted: stock });
  });
  const { issuer } = site;
  if (issuer !== undefined)
    await progress.stage('spire', async () => {
      const node = { run, ...names };
      const count = await installIssuer({ run, context: names.context, node, folder: issuer });
      return [`${count} objects`, undefined];
    });
  await progress.stage('istio', async (say) => {
    const outcome = await installIstio(
      { run, say, ...hands },
      {
        context: names.context,
        rootNamespace: environment.rootNamespace,
        operatorFile: join(dist, 'istio.yaml'),
        parameters,
      },
    );
    return [`${parameters.istio.tag} ${outcome}`, undefined];
  });
  await progress.stage('policies', async () => {
    await hands.kubectl.apply(plan.closed);
    await applyByNamespace(hands.kubectl, plan.opened);
    const pruned = await pruneAbandoned(hands, [...plan.closed, ...plan.opened]);
    const more = pruned.length === 0 ? '' : `, ${pruned.join(', ')} removed`;
    return [`${plan.closed.length} that deny first, then ${plan.opened.length} that open${more}`, undefined];
  });
  return hands;
}

interface Secrets {
  readonly passwords: DatabasePasswords;
  readonly edgeCaFile: string;
}

async function bringSecrets(site: Site, { access, kubectl }: Hands): Promise<Outcome<Secrets>> {
  const database = await planDatabaseSecrets(access, catalog);
  const ingress = await planIngressSecret(access, site.environment.ingress.host);
  const missing = [...database.missing, ...ingress.missing];
  await kubectl.apply(missing);
  const edgeCaFile = join(site.state, 'edge-ca.pem');
  await mkdir(site.state, { recursive: true });
  await writeFile(edgeCaFile, ingress.value.ca);
  return [`${missing.length} made`, { passwords: database.value, edgeCaFile }];
}

interface Rollouts extends Hands {
  readonly site: Site;
  readonly progress: Progress;
}

function waitFor({ access }: Rollouts, objects: readonly KubernetesObject[], say: Say): Promise<void> {
  return waitForWorkloads(workloadsOf(objects), { access, say, deadlineMs: podsDeadlineMs });
}

/** Starts the pods: the database first, then its tables, then the services that need them. */
async function startPods(rollouts: Rollouts, plan: ApplyPlan, passwords: DatabasePasswords): Promise<void> {
  const { site, progress, access, kubectl } = rollouts;
  const databases = plan.first.filter(({ kind }) => kind === 'StatefulSet');
  await progress.stage('database', async (say) => {
    await kubectl.apply(plan.first);
    await waitFor(rollouts, databases, say);
    const [server] = workloadsOf(databases);
    if (server === undefined) throw new Error('the manifests have no database');
    const { namespace, name } = server;
    const request = { namespace, pod: `${name}-0`, database: site.environment.database.name, passwords, catalog };
    return [`ready, ${await prepareDatabase(access, request)} migrations run`, undefined];
  });
  await progress.stage('services', async (say) => {
    await kubectl.apply(plan.afterMigration);
    const workloads = workloadsOf([...plan.first, ...plan.afterMigration]);
    await waitForWorkloads(workloads, { access, say, deadlineMs: podsDeadlineMs });
    return [`${workloads.length} workloads ready`, undefined];
  });
}

/** Brings images onto the node; what is nowhere but in a registry the node fetches by itself when a pod asks for it. */
async function fillNode(
  { run, names }: Site,
  images: { readonly required: readonly string[]; readonly wanted: readonly string[] },
): Promise<Outcome<undefined>> {
  const { loaded, present, left } = await loadImages({ run, ...names }, images);
  const fetched = left.length === 0 ? '' : `, ${left.length} for the node to fetch`;
  return [`${loaded.length} loaded, ${present.length} there${fetched}`, undefined];
}

/** Brings the platform up. Errors: UnusableInput before anything is made, ClusterError with the reasons after. */
export async function bringUp(site: Site, progress: Progress): Promise<Platform> {
  const manifests = await readManifests(join(site.dist, 'manifests'));
  const { rootNamespace } = site.environment;
  const plan = planApplying(manifests, { rootNamespace, stateful: servicesWithTables(catalog) });
  const machine = await progress.stage('preflight', () => checkMachine(site));
  const cluster = progress.stage('cluster', (say) => makeCluster(site, machine, say));
  const built = progress.stage('images', () => buildImages(site, manifests));
  const [hands, images] = await together(
    cluster.then((made) => closeTheMesh(site, progress, made, plan)),
    built.then(async (made) => {
      await cluster;
      const required = made.map((image) => image.built);
      await progress.stage('service images', () => fillNode(site, { required, wanted: [] }));
      await removeOlderImages(site.run, made);
      return made;
    }),
  );
  const { edgeCaFile, passwords } = await progress.stage('secrets', () => bringSecrets(site, hands));
  const replacements = imageReplacements(site.parameters, images);
  const ours = (objects: readonly KubernetesObject[]) => objects.map((object) => withImages(object, replacements));
  const ownPlan = { ...plan, first: ours(plan.first), afterMigration: ours(plan.afterMigration) };
  await startPods({ site, progress, ...hands }, ownPlan, passwords);
  const { namespaces, closed, opened, first, afterMigration } = ownPlan;
  const applied = [namespaces, closed, opened, first, afterMigration].flat();
  return { access: hands.access, edgeCaFile, applied };
}
