import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { compile, parseRequest } from '#policies/analysis/index.ts';
import { type Connection, connect } from '#policies/cli/live/connect.ts';
import { readLiveMesh } from '#policies/cli/live/read-live-mesh.ts';
import type { Served } from './api-server.ts';
import { servedCluster } from './served-cluster.ts';

async function connected(): Promise<Connection> {
  const connection = await connect('here');
  if (!connection.ok) throw new Error(JSON.stringify(connection.problems));
  return connection.value;
}

const codesOf = (result: Awaited<ReturnType<typeof readLiveMesh>>) =>
  result.ok ? [] : result.problems.map(({ code }) => code);

describe('reading a live mesh', () => {
  const cluster = servedCluster();

  test('gives documents that are named by context, kind, namespace and name', async () => {
    const live = await readLiveMesh(await connected());
    if (!live.ok) throw new Error(JSON.stringify(live.problems));
    const files = live.value.documents.map(({ file }) => file);
    expect(files).toContain('context/here/AuthorizationPolicy/shop/cart');
    expect(files).toContain('context/here/Namespace/shop');
  });

  test('locates a policy by the line of its YAML', async () => {
    const live = await readLiveMesh(await connected());
    if (!live.ok) throw new Error(JSON.stringify(live.problems));
    const policy = live.value.mesh.authorizationPolicies.find(({ name }) => name === 'cart');
    const document = live.value.documents.find(({ file }) => file === policy?.at.file);
    expect(document?.lineOf(['spec', 'rules', 0])).toBeGreaterThan(5);
    expect(document?.value).not.toHaveProperty('status');
    expect(document?.value).not.toHaveProperty('metadata.managedFields');
  });

  test('decides on what the cluster holds', async () => {
    const live = await readLiveMesh(await connected());
    if (!live.ok) throw new Error(JSON.stringify(live.problems));
    const decider = compile(live.value.mesh);
    const ask = (source: string, path: string) => {
      const request = parseRequest({
        id: '1',
        source: { workload: { namespace: 'shop', name: source } },
        destination: { namespace: 'shop', workload: 'cart', port: 50051 },
        http: { method: 'POST', path },
      });
      if (!request.ok) throw new Error('no request');
      return decider.decide(request.value).allowed;
    };
    expect([ask('web', '/cart.v1.Cart/Add'), ask('cart', '/cart.v1.Cart/Add'), ask('web', '/x')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('leaves out pods of controllers, the control plane, and namespaces outside the mesh, which it names', async () => {
    const live = await readLiveMesh(await connected());
    if (!live.ok) throw new Error(JSON.stringify(live.problems));
    expect(live.value.mesh.workloads.map(({ name }) => name).toSorted()).toEqual(['cart', 'web']);
    expect(live.value.leftOut).toEqual(['kube-system']);
  });

  test('reads every page', async () => {
    cluster().server.pageSize.value = 1;
    const live = await readLiveMesh(await connected());
    if (!live.ok) throw new Error(JSON.stringify(live.problems));
    expect(live.value.mesh.workloads).toHaveLength(2);
    expect(cluster().server.requests.some((request) => request.includes('continue=1'))).toBe(true);
  });

  test('takes a missing CRD for no objects, and says so', async () => {
    cluster().server.served.delete('/apis/networking.istio.io/v1/sidecars');
    const live = await readLiveMesh(await connected());
    const absent = live.ok ? live.value.absent : [];
    expect(absent).toEqual(['Sidecar.networking.istio.io/v1', 'WasmPlugin.extensions.istio.io/v1alpha1']);
  });

  test.for<[string, string, Served, string]>([
    [
      'policies that may not be read',
      '/apis/security.istio.io/v1/authorizationpolicies',
      { kind: 'status', status: 403, message: 'not you' },
      'live/forbidden',
    ],
    [
      'a kind that every cluster serves, missing',
      '/apis/networking.k8s.io/v1/networkpolicies',
      { kind: 'status', status: 404, message: 'nothing here' },
      'live/unreadable',
    ],
    [
      'a server that fails',
      '/api/v1/services',
      { kind: 'status', status: 500, message: 'etcd is gone' },
      'live/unreadable',
    ],
    [
      'settings that are not there',
      '/api/v1/namespaces/istio-system/configmaps/istio',
      { kind: 'status', status: 404, message: 'not found' },
      'live/unreadable',
    ],
    [
      'an object that Istio would refuse',
      '/apis/security.istio.io/v1/authorizationpolicies',
      { kind: 'items', items: [{ metadata: { name: 'odd', namespace: 'shop' }, spec: { action: 'DENY' } }] },
      'webhook/deny-without-rules',
    ],
  ])('proves nothing on %s', async ([, path, served, code]) => {
    cluster().server.served.set(path, served);
    const codes = codesOf(await readLiveMesh(await connected()));
    expect(codes.some((each) => each === code || (code.startsWith('webhook/') && each.startsWith('webhook/')))).toBe(
      true,
    );
  });

  test('tells a server that does not answer', async () => {
    const connection = await connected();
    await cluster().server.close();
    expect(codesOf(await readLiveMesh(connection))).toEqual(['live/unreachable']);
  });

  test('refuses a context that the kubeconfig does not know, and names those that it knows', async () => {
    const connection = await connect('there');
    expect(connection).toMatchObject({ ok: false, problems: [{ code: 'live/unknown-context', help: 'known: here' }] });
  });

  test('refuses a broken kubeconfig', async () => {
    await writeFile(cluster().file('config'), '{');
    expect(await connect('here')).toMatchObject({ ok: false, problems: [{ code: 'live/kubeconfig' }] });
  });

  test('says what to install when the client library is not there', async () => {
    const missing = () => Promise.reject(Object.assign(new Error('no package'), { code: 'ERR_MODULE_NOT_FOUND' }));
    expect(await connect('here', missing)).toMatchObject({
      ok: false,
      problems: [{ code: 'live/client-missing', help: expect.stringContaining('npm install @kubernetes/client-node') }],
    });
  });
});
