import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';
import { ClusterError } from '#infra/cluster/cluster-error.ts';
import type { CommandResult, Run } from '#infra/cluster/command.ts';
import { ensureCluster, findCluster } from '#infra/cluster/kind-cluster.ts';
import { clusterNames, kindConfiguration } from '#infra/cluster/kind-config.ts';

const text = readFileSync(new URL('../../../../kind-config.yaml', import.meta.url), 'utf8');
const names = clusterNames(text);
const configuration = kindConfiguration(text, { nodeImage: 'site/node:v1.36.1', acceptCgroupV1: false });

/** An engine with at most one node in it; remembers what it was asked to do. */
class FakeEngine {
  state: 'absent' | 'running' | 'exited';
  marker: string | undefined;
  /** `kind create` is interrupted: the container stays, the marker is never written. */
  readonly interrupted: boolean;
  readonly did: string[] = [];

  constructor(state: FakeEngine['state'], options: { marker?: string; interrupted?: boolean } = {}) {
    this.state = state;
    this.marker = options.marker;
    this.interrupted = options.interrupted ?? false;
  }

  readonly run: Run = async (program, args, options) => {
    const line = [program, ...args].join(' ');
    const ok = (stdout = ''): CommandResult => ({ code: 0, stdout, stderr: '' });
    const failed: CommandResult = { code: 1, stdout: '', stderr: 'no' };
    if (line.startsWith('docker container inspect')) return this.state === 'absent' ? failed : ok(this.state);
    if (line.includes(' cat ')) return this.marker === undefined ? failed : ok(this.marker);
    if (line.startsWith('kubectl config')) return ok(names.context);
    this.did.push(line.split(' ').slice(0, 3).join(' '));
    if (line.startsWith('kind create')) {
      this.state = 'running';
      this.marker = undefined;
      return this.interrupted ? failed : ok();
    }
    if (line.includes(' tee ')) this.marker = options?.input;
    if (line.startsWith('kind delete')) this.state = 'absent';
    return ok();
  };
}

const ensure = (engine: FakeEngine, wanted = configuration) =>
  ensureCluster(engine.run, names, { configuration: wanted, say: () => {} });

describe('the cluster', () => {
  test('is created when there is none, and found when make up runs again', async () => {
    const engine = new FakeEngine('absent');
    expect(await ensure(engine)).toBe('created');
    expect(await ensure(engine)).toBe('there');
    expect(engine.did.filter((line) => line === 'kind create cluster')).toHaveLength(1);
  });

  test('whose creation was interrupted is made anew', async () => {
    const broken = new FakeEngine('absent', { interrupted: true });
    await expect(ensure(broken)).rejects.toThrow(/kind create cluster/);
    const engine = new FakeEngine(broken.state);
    expect(await ensure(engine)).toBe('created anew');
    expect(engine.did.slice(0, 2)).toEqual(['kind delete cluster', 'kind create cluster']);
  });

  test('whose node has stopped is made anew, since its etcd was in memory', async () => {
    const engine = new FakeEngine('exited', { marker: 'anything' });
    expect(await findCluster(engine.run, names, configuration)).toMatchObject({ kind: 'broken' });
  });

  test('of another node image is never taken down unasked', async () => {
    const engine = new FakeEngine('absent');
    await ensure(engine);
    const other = kindConfiguration(text, { nodeImage: 'site/node:v1.35.0', acceptCgroupV1: false });
    const failure = await ensure(engine, other).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClusterError);
    expect((failure as ClusterError).reasons.join()).toMatch(/make down/);
    expect(engine.did).not.toContain('kind delete cluster');
  });
});

describe('the configuration of kind', () => {
  test('has the node image of the site, and all else of the file', () => {
    const before = load(text) as { nodes: { image: string }[] };
    const after = load(configuration) as { nodes: { image: string }[] };
    expect(after.nodes.map(({ image }) => image)).toEqual(['site/node:v1.36.1']);
    expect({ ...after, nodes: [] }).toEqual({ ...before, nodes: [] });
  });

  test('tells the kubelet to accept control groups v1 only where that is needed', () => {
    const consenting = kindConfiguration(text, { nodeImage: 'site/node:v1.36.1', acceptCgroupV1: true });
    const patches = (load(consenting) as { kubeadmConfigPatches: string[] }).kubeadmConfigPatches.map((patch) =>
      load(patch),
    );
    expect(patches).toContainEqual({
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      failCgroupV1: false,
    });
    expect(configuration).not.toContain('failCgroupV1');
  });

  test('gives the names that everything else uses', () => {
    expect(names).toEqual({
      cluster: 'meshwright',
      context: 'kind-meshwright',
      nodeContainer: 'meshwright-control-plane',
      gatewayPort: 8443,
    });
  });
});
