import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createTls } from 'node:tls';
import { holdsLabels } from '#policies/analysis/attachment.ts';
import type { Gateway } from '#policies/language/traffic.ts';
import { type CalleeClient, openCallee } from './callee-client.ts';
import type { HeaderFields, Incoming } from './exchange.ts';
import { type Outcome, replyLocally } from './forward.ts';
import { type HttpHop, listenOn, type OpenPort, serveHttp } from './inbound.ts';
import { plaintextConnection } from './inbound-tls.ts';
import { findCallee } from './registry.ts';
import { chooseRoute, routesFor } from './routing.ts';
import type { EdgeFiles } from './sidecar-configuration.ts';
import type { SidecarContext } from './sidecar-context.ts';

/**
 * Listens for clients outside the mesh as the Gateways of this workload say: HTTPS with HTTP/2 or HTTP/1.1, then the
 * routes of the VirtualServices bound to them, then the mesh.
 */
export async function openEdge(context: SidecarContext, port: number, files: EdgeFiles): Promise<OpenPort> {
  const router = openRouter(context, port);
  const server = serveHttp(context, router);
  const sni = serverName(context);
  const tls = createTls({
    cert: readFileSync(files.certificate),
    key: readFileSync(files.privateKey),
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
  });
  tls.on('secureConnection', (socket) => {
    server.accept(
      socket.on('error', () => {}),
      { ...plaintextConnection(socket, port), sni },
    );
  });
  tls.on('tlsClientError', (_error, socket) => socket.destroy());
  const listener = await listenOn(context, port, (socket) => void tls.emit('connection', socket));
  return {
    async close() {
      server.close();
      await listener.close();
    },
  };
}

/** The one certificate is shown whatever name a client asks for, so that every client stands for one that asks for it. */
const serverName = (context: SidecarContext): string =>
  hostsOf(gatewaysOf(context)).find((host) => !host.startsWith('*')) ?? '';

const gatewaysOf = ({ mesh, workload }: SidecarContext): readonly Gateway[] =>
  mesh.gateways.filter(({ selector }) => holdsLabels(workload.labels, selector));

/** The hosts of all servers; a Gateway's host may name the namespace of its VirtualServices: `ns/host`. */
const hostsOf = (gateways: readonly Gateway[]): readonly string[] =>
  gateways
    .flatMap(({ servers }) => servers.flatMap(({ hosts }) => hosts))
    .map((host) => host.slice(host.indexOf('/') + 1));

function openRouter(context: SidecarContext, port: number): HttpHop {
  const gateways = gatewaysOf(context);
  const names = gateways.map(({ namespace, name }) => `${namespace}/${name}`);
  const clients = new Map<string, CalleeClient>();
  const clientFor = (host: string, servicePort: number): CalleeClient => {
    const key = `${host}:${servicePort}`;
    const known = clients.get(key);
    if (known !== undefined) return known;
    const made = openCallee(context, findCallee(context.mesh, context.workload, host, servicePort), servicePort);
    clients.set(key, made);
    return made;
  };
  const next = (incoming: Incoming): Promise<Outcome> => {
    const host = incoming.head.authority.replace(/:\d+$/, '').toLowerCase();
    const routes = serves(gateways, host) ? routesFor(context.mesh, { kind: 'gateways', names }, host) : [];
    const choice = chooseRoute(routes, incoming.head, port);
    const destination = choice.kind === 'route' ? choice.route.destinations[0] : undefined;
    if (choice.kind !== 'route' || destination === undefined) return notFound(incoming);
    return clientFor(destination.host, destination.port ?? 80).send(incoming, choice);
  };
  return {
    next,
    arriving: markOutsideRequest,
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

function serves(gateways: readonly Gateway[], host: string): boolean {
  return hostsOf(gateways).some(
    (own) => own === '*' || own === host || (own.startsWith('*.') && host.endsWith(own.slice(1))),
  );
}

async function notFound(incoming: Incoming): Promise<Outcome> {
  replyLocally(incoming, { http: 404, grpc: 12, message: '' });
  return { http: 404, grpc: 12, because: 'no route of the Gateway matches' };
}

/** Says where a request of the internet came from; what it says of itself does not count. */
function markOutsideRequest(headers: HeaderFields, address: string): void {
  headers['x-forwarded-for'] = address;
  headers['x-forwarded-proto'] = 'https';
  headers['x-request-id'] ??= randomUUID();
}
