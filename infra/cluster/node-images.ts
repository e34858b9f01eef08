/** What the node of the cluster already holds, and how it gets the rest. */
import { ClusterError } from './cluster-error.ts';
import { expectOutput, type Run } from './command.ts';
import { fullReference } from './image-reference.ts';

/** The node, and the cluster that it belongs to. */
export interface NodeStore {
  readonly run: Run;
  readonly cluster: string;
  readonly nodeContainer: string;
}

/** What happened to images that a node should hold. */
export interface LoadOutcome {
  /** Brought over from the engine. */
  readonly loaded: readonly string[];
  /** There before. */
  readonly present: readonly string[];
  /** Neither on the node nor in the engine: the node fetches them from their registry. */
  readonly left: readonly string[];
}

async function imagesOfNode({ run, nodeContainer }: NodeStore): Promise<ReadonlySet<string>> {
  const listed = await expectOutput(run, [
    'docker',
    'exec',
    nodeContainer,
    'ctr',
    '-n',
    'k8s.io',
    'images',
    'ls',
    '-q',
  ]);
  return new Set(listed.split('\n').map((line) => line.trim()));
}

async function engineHas(run: Run, reference: string): Promise<boolean> {
  return (await run('docker', ['image', 'inspect', '--format', '{{.Id}}', reference])).code === 0;
}

/**
 * Brings `references` onto the node: what it has is left alone, what the engine has is transferred in one archive, so
 * that shared layers travel once. Errors: ClusterError when the transfer fails, or when a `required` one is nowhere.
 */
export async function loadImages(
  store: NodeStore,
  { required, wanted }: { readonly required: readonly string[]; readonly wanted: readonly string[] },
): Promise<LoadOutcome> {
  const held = await imagesOfNode(store);
  const isHeld = (reference: string): boolean => held.has(fullReference(reference));
  const all = [...new Set([...required, ...wanted])];
  const missing = all.filter((reference) => !isHeld(reference));
  const inEngine = new Set<string>();
  for (const reference of missing) if (await engineHas(store.run, reference)) inEngine.add(reference);
  const nowhere = required.filter((reference) => !isHeld(reference) && !inEngine.has(reference));
  if (nowhere.length > 0) throw new ClusterError('images are neither on the node nor in the engine', nowhere);
  const loaded = missing.filter((reference) => inEngine.has(reference));
  if (loaded.length > 0)
    await expectOutput(store.run, ['kind', 'load', 'docker-image', '--name', store.cluster, ...loaded]);
  return {
    loaded,
    present: all.filter(isHeld),
    left: missing.filter((reference) => !inEngine.has(reference)),
  };
}
