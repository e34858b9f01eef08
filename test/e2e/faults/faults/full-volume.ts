import type { V1StatefulSet } from '@kubernetes/client-node';
import { prepareDatabase } from '#infra/cluster/database.ts';
import { planDatabaseSecrets } from '#infra/cluster/secrets.ts';
import { catalog } from '#services/catalog.ts';
import type { Cluster } from '../cluster.ts';
import type { Fault } from '../fault.ts';
import { until } from '../stage.ts';

const namespace = 'data';
const name = 'postgres';
const volumeSize = '220Mi';
const readyWithinMs = 120_000;
const stateful = catalog.filter(({ database }) => database !== undefined);

/** The ledger's volume is full: nothing is acknowledged that was not written. */
export const fullVolume: Fault = {
  name: 'full-volume',
  title: "the ledger's volume (limited to 220 MiB, in memory) is full; orders fail closed",
  bounds: {
    detectedMs: 30_000,
    recoveredMs: 60_000,
    because:
      "the server writes into space that it holds already before it needs more, and restarts with a back-off of kubelet's",
  },
  run: async (stage, stand) => {
    const { cluster } = stand;
    const original = await cluster.apps.readNamespacedStatefulSet({ namespace, name });
    await replaceDatabase(cluster, onLimitedVolume(original));
    try {
      const limited = await stand.another();
      const traffic = await limited.startTraffic(50);
      const injectedAtMs = performance.now();
      const folder = await volumeFolder(cluster);
      await stage.inject(() => fill(cluster, folder));
      await stage.detected('an order is refused', () => traffic.failedSince(injectedAtMs).length > 0);
      const fullSinceMs = performance.now();
      await limited.pass(traffic, 5_000);
      stage.expect(
        'orders are refused while it is full',
        traffic.failedSince(fullSinceMs).length > 0,
        `${traffic.failedSince(fullSinceMs).length} refused, ${traffic.passedSince(fullSinceMs)} passed into space that was held already`,
      );
      await stage.heal(async () => {
        await cluster.onNode(['rm', '-f', `${folder}/filler`]);
      });
      await stage.recovered('orders trade', () => limited.trades());
      await limited.settle(stage, traffic);
    } finally {
      await replaceDatabase(cluster, original);
      stage.expect(
        'the platform is back on its own volume',
        await until(() => stand.trades(), readyWithinMs),
        'its orders trade',
      );
    }
  },
};

/** The same server with a volume that has an end, in memory, so that the node's own disk is never filled. */
function onLimitedVolume(original: V1StatefulSet): V1StatefulSet {
  const { spec } = original;
  if (spec === undefined) throw new Error(`\`${namespace}/${name}\` has no specification`);
  const { volumeClaimTemplates: claims = [], template, ...rest } = spec;
  const limited = claims.map(({ metadata }) => ({
    name: metadata?.name ?? '',
    emptyDir: { medium: 'Memory', sizeLimit: volumeSize },
  }));
  const pod = {
    ...template.spec,
    containers: template.spec?.containers ?? [],
    volumes: [...(template.spec?.volumes ?? []), ...limited],
  };
  return { ...original, spec: { ...rest, template: { ...template, spec: pod } } };
}

/** Puts another StatefulSet in the server's place, prepares its database, and starts its clients afresh. */
async function replaceDatabase(
  cluster: Cluster,
  { apiVersion = 'apps/v1', kind = 'StatefulSet', metadata, spec }: V1StatefulSet,
): Promise<void> {
  await cluster.apps.deleteNamespacedStatefulSet({
    namespace,
    name,
    propagationPolicy: 'Foreground',
    gracePeriodSeconds: 5,
  });
  await must(
    'the old server is gone',
    async () =>
      (await cluster.core.listNamespacedPod({ namespace, labelSelector: `app.kubernetes.io/name=${name}` })).items
        .length === 0,
  );
  const { labels = {}, annotations = {} } = metadata ?? {};
  await must('the new server is made', async () => {
    await cluster.apps.createNamespacedStatefulSet({
      namespace,
      body: {
        apiVersion,
        kind,
        metadata: { name, namespace, labels, annotations },
        ...(spec === undefined ? {} : { spec }),
      },
    });
    return true;
  });
  await must('the server is ready', () => cluster.isReady(namespace, name));
  const { pod } = await cluster.place(namespace, name);
  const { value: passwords } = await planDatabaseSecrets(cluster.access, catalog);
  await must('the schemas are there', async () => {
    await prepareDatabase(cluster.access, { namespace, pod, database: 'trading', passwords, catalog });
    return true;
  });
  for (const service of stateful) await cluster.kill(service.namespace, service.name);
  for (const service of stateful)
    await must(`\`${service.name}\` is ready`, () => cluster.isReady(service.namespace, service.name));
}

async function must(what: string, condition: () => Promise<boolean>): Promise<void> {
  if (!(await until(condition, readyWithinMs))) throw new Error(`not within ${readyWithinMs / 1000} s: ${what}`);
}

/** Where the node keeps the limited volume. */
async function volumeFolder(cluster: Cluster): Promise<string> {
  const [pod] = await cluster.pods(namespace, name);
  const volume = pod?.spec?.volumes?.find(({ emptyDir }) => emptyDir?.sizeLimit === volumeSize)?.name;
  if (volume === undefined) throw new Error('the server has no limited volume');
  return `/var/lib/kubelet/pods/${pod?.metadata?.uid}/volumes/kubernetes.io~empty-dir/${volume}`;
}

/** Writes until nothing more fits. Errors: throws when the volume has no end below its size limit. */
async function fill(cluster: Cluster, folder: string): Promise<void> {
  const script = `dd if=/dev/zero of=${folder}/filler bs=64k count=4096 2>&1 | grep -q 'No space left'`;
  await cluster.onNode(['sh', '-c', script]);
}
