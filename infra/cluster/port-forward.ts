import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { PortForward } from '@kubernetes/client-node';
import type { ClusterAccess } from './access.ts';

/** One port of one pod. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** A port of this machine that leads into a pod. */
export interface ForwardedPort extends AsyncDisposable {
  readonly port: number;
}

/**
 * Opens a loopback port whose connections arrive at the pod's own loopback, behind its proxy: no policy of the mesh
 * sees them, only whoever may use the API server's `portforward` can come this way. A connection that cannot be
 * forwarded is closed.
 */
export async function forwardPort(access: ClusterAccess, { namespace, pod, port }: PodPort): Promise<ForwardedPort> {
  const forward = new PortForward(access.config);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    forward.portForward(namespace, pod, [port], socket, null, socket).then(
      (tunnel) => {
        if (typeof tunnel !== 'function') tunnel.addEventListener('close', () => socket.end());
      },
      () => socket.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a forwarded port has no number');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
