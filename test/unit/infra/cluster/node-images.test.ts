import { describe, expect, test } from 'vitest';
import type { Run } from '#infra/cluster/command.ts';
import { fullReference } from '#infra/cluster/image-reference.ts';
import { loadImages } from '#infra/cluster/node-images.ts';

test.for([
  { reference: 'node:26', full: 'docker.io/library/node:26' },
  { reference: 'team/jaeger:2', full: 'docker.io/team/jaeger:2' },
  { reference: 'localhost/meshwright/order:1', full: 'localhost/meshwright/order:1' },
  { reference: 'site.example:5000/x:1', full: 'site.example:5000/x:1' },
  { reference: 'registry.istio.io/release/pilot:1.31.0', full: 'registry.istio.io/release/pilot:1.31.0' },
])('a container runtime keeps $reference as $full', ({ reference, full }) => {
  expect(fullReference(reference)).toBe(full);
});

/** An engine and a node with these images; remembers what was transferred. */
function storeOf({ node, engine }: { readonly node: readonly string[]; readonly engine: readonly string[] }) {
  const transfers: string[][] = [];
  const run: Run = async (program, args) => {
    const answer = (code: number, stdout = '') => ({ code, stdout, stderr: '' });
    if (args[0] === 'exec') return answer(0, `${node.join('\n')}\n`);
    if (program === 'kind') transfers.push(args.slice(4));
    if (args[0] === 'image') return answer(engine.includes(args.at(-1) ?? '') ? 0 : 1);
    return answer(0);
  };
  return { store: { run, cluster: 'meshwright', nodeContainer: 'node' }, transfers };
}

describe('the images of the node', () => {
  test('are transferred in one go, and only those that it lacks', async () => {
    const { store, transfers } = storeOf({
      node: ['localhost/a:1-x', 'docker.io/team/jaeger:2'],
      engine: ['localhost/a:1-x', 'localhost/b:1-y', 'localhost/c:1-z'],
    });
    const outcome = await loadImages(store, {
      required: ['localhost/a:1-x', 'localhost/b:1-y', 'localhost/c:1-z'],
      wanted: ['team/jaeger:2', 'public.example/pilot:1'],
    });
    expect(transfers).toEqual([['localhost/b:1-y', 'localhost/c:1-z']]);
    expect(outcome).toEqual({
      loaded: ['localhost/b:1-y', 'localhost/c:1-z'],
      present: ['localhost/a:1-x', 'team/jaeger:2'],
      left: ['public.example/pilot:1'],
    });
  });

  test('cost nothing when all are there', async () => {
    const { store, transfers } = storeOf({ node: ['localhost/a:1-x'], engine: [] });
    await loadImages(store, { required: ['localhost/a:1-x'], wanted: [] });
    expect(transfers).toEqual([]);
  });

  test('that are required and nowhere are named, before anything is transferred', async () => {
    const { store, transfers } = storeOf({ node: [], engine: ['localhost/a:1-x'] });
    const failure = loadImages(store, { required: ['localhost/a:1-x', 'localhost/b:1-y'], wanted: [] });
    await expect(failure).rejects.toMatchObject({ reasons: ['localhost/b:1-y'] });
    expect(transfers).toEqual([]);
  });
});
