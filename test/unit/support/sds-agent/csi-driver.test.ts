/** The stand-in's other side: the kubelet's protocol, driven as the kubelet drives it. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CsiDriver, type Volume } from '../../../support/sds-agent/csi-driver.ts';
import { nothing, writePublishRequest, writeUnpublishRequest } from '../../../support/sds-agent/csi-messages.ts';
import { rawMethod } from '../../../support/sds-agent/grpc-call.ts';
import { readFields } from '../../../support/sds-agent/protobuf.ts';
import { type Node, Subscriber, startNode } from './node.ts';

let kubelet: string;
let node: Node;
let driver: CsiDriver;
let remembered: readonly Volume[];

async function startDriver(earlier: readonly Volume[]): Promise<void> {
  driver = new CsiDriver(node.agent, {
    nodeId: 'node-1',
    socket: join(kubelet, 'csi.sock'),
    socketOnNode: '/var/lib/kubelet/plugins/csi.spiffe.io/csi.sock',
    registrationSocket: join(kubelet, 'reg.sock'),
    remember: (volumes) => {
      remembered = volumes;
    },
    log: (line) => node.log.push(line),
  });
  await driver.start(earlier);
}

/** One call as the kubelet makes it. */
function ask(socket: 'csi.sock' | 'reg.sock', path: string, request: Uint8Array): Promise<Uint8Array> {
  const client = new Client(`unix:${join(kubelet, socket)}`, credentials.createInsecure());
  const { requestSerialize, responseDeserialize } = rawMethod(path, 'unary');
  return new Promise<Uint8Array>((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) =>
      error === null ? resolve(response ?? new Uint8Array()) : reject(error),
    );
  }).finally(() => client.close());
}

const texts = (bytes: Uint8Array): readonly string[] => {
  const found: string[] = [];
  const read = (reader: { string(): string }) => void found.push(reader.string());
  readFields(bytes, { 1: read, 2: read, 3: read, 4: read });
  return found;
};

const publish = (targetPath: string, serviceAccount: string | null) =>
  ask(
    'csi.sock',
    '/csi.v1.Node/NodePublishVolume',
    writePublishRequest({
      volumeId: `csi-${targetPath}`,
      targetPath,
      context: new Map([
        ['csi.storage.k8s.io/pod.namespace', 'trading'],
        ['csi.storage.k8s.io/pod.name', 'order-1'],
        ['csi.storage.k8s.io/pod.uid', '0b0b'],
        ...(serviceAccount === null ? [] : [['csi.storage.k8s.io/serviceAccount.name', serviceAccount] as const]),
      ]),
    }),
  );

beforeEach(async () => {
  kubelet = await mkdtemp(join(tmpdir(), 'mw-kubelet-'));
  node = await startNode();
  await startDriver([]);
});
afterEach(async () => {
  driver.close();
  await node.close();
  await rm(kubelet, { recursive: true, force: true });
});

describe('the driver', () => {
  test('announces itself where the kubelet looks, under the name that pods ask for', async () => {
    const found = texts(await ask('reg.sock', '/pluginregistration.Registration/GetInfo', nothing));
    expect(found).toEqual(['CSIPlugin', 'csi.spiffe.io', '/var/lib/kubelet/plugins/csi.spiffe.io/csi.sock', '1.0.0']);
    expect(texts(await ask('csi.sock', '/csi.v1.Node/NodeGetInfo', nothing))).toEqual(['node-1']);
  });

  test('opens a socket in the folder of the volume, for the pod that the kubelet names', async () => {
    const folder = join(kubelet, 'pod');
    await publish(folder, 'order');
    const subscriber = new Subscriber(folder, 'default');
    expect(await subscriber.atLeast(1)).toMatchObject({ kind: 'certificate', name: 'default' });
    subscriber.close();
    expect(node.agent.report()[0]).toMatchObject({
      spiffeId: 'spiffe://trading.local/ns/trading/sa/order',
      pod: { name: 'order-1' },
    });
  });

  test('leaves no folder behind when the pod is gone', async () => {
    const folder = join(kubelet, 'pod');
    await publish(folder, 'order');
    await ask(
      'csi.sock',
      '/csi.v1.Node/NodeUnpublishVolume',
      writeUnpublishRequest({ volumeId: 'v', targetPath: folder }),
    );
    expect(existsSync(folder)).toBe(false);
    expect(remembered).toEqual([]);
    expect(node.agent.report()).toEqual([]);
  });

  test('refuses a volume of a pod that it is not told about', async () => {
    await expect(publish(join(kubelet, 'pod'), null)).rejects.toThrow('is podInfoOnMount set?');
  });

  test('opens the same sockets again after a restart, since no kubelet asks twice', async () => {
    const folder = join(kubelet, 'pod');
    await publish(folder, 'order');
    const earlier = remembered;
    driver.close();
    await node.agent.withdraw(folder);
    await mkdir(folder, { recursive: true });
    await startDriver(earlier);
    const subscriber = new Subscriber(folder, 'ROOTCA');
    expect(await subscriber.atLeast(1)).toMatchObject({ kind: 'roots', name: 'ROOTCA' });
    subscriber.close();
  });
});
