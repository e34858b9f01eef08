import { createServer as createTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EchoClient } from './slice/echo-client.ts';
import { type SliceMesh, startSlice } from './slice/slice-mesh.ts';

// A callee with beta's identity that speaks HTTP/2 by hand: in silence, or with a status that HTTP does not know.
const preface = 24;
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const headersType = 1;
const status999 = Buffer.from([0, 0, 5, 1, 5, 0, 0, 0, 0, 0x08, 3, 0x39, 0x39, 0x39]);

let mesh: SliceMesh;
let silent = false;
let close = (): void => {};

beforeAll(async () => {
  mesh = await startSlice({ edit: (yaml) => `${yaml}${shortConnect}` });
  await mesh.beta.stop();
  const identity = await mesh.svid('beta');
  if (identity.kind !== 'svid') throw new Error('beta has no certificate');
  const { certificate, privateKey } = identity;
  const server = createTls({ cert: certificate, key: privateKey, ALPNProtocols: ['h2'] }, (socket) => {
    socket.on('error', () => {});
    if (silent) return void socket.resume();
    socket.write(settings);
    let unread = Buffer.alloc(0);
    let at = preface;
    socket.on('data', (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= at + 9 && unread.length >= at + 9 + unread.readUIntBE(at, 3)) {
        const answer = Buffer.from(status999);
        unread.copy(answer, 5, at + 5, at + 9);
        answer[2] = status999.length - 9;
        if (unread[at + 3] === headersType) socket.write(answer);
        at += 9 + unread.readUIntBE(at, 3);
      }
    });
  });
  const { address, port } = mesh.target;
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  close = () => void server.close();
});
afterAll(async () => {
  close();
  await mesh?.stop();
});

const shortConnect = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: beta, namespace: slice}
spec:
  host: beta.slice.svc.cluster.local
  trafficPolicy: {connectionPool: {tcp: {connectTimeout: 0.3s}}}
`;

test('a callee that is silent after the handshake fails the call at the connect time-out', async () => {
  silent = true;
  const client = new EchoClient(mesh.upstream);
  expect(await client.say('Say', 'x', { deadlineMs: 3000 })).toMatchObject({ kind: 'status', code: 14 });
  client.close();
});

test('an answer that cannot be passed on ends its call and not the sidecar', async () => {
  silent = false;
  const client = new EchoClient(mesh.upstream);
  for (let round = 0; round < 2; round += 1) {
    expect(await client.say('Say', 'x', { deadlineMs: 3000 })).toMatchObject({ kind: 'status', code: 13 });
  }
  client.close();
});
