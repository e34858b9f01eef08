import type { Socket } from 'node:net';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { contextTerms, type Identity } from './identity-source.ts';
import type { InboundConnection } from './inbound-http.ts';
import { openEntry, type SidecarContext, unknownPeer } from './sidecar-context.ts';
import { isOfTrustDomain, uriNames } from './spiffe-id.ts';

/** Receives connections whose transport was accepted. */
export type AcceptConnection = (socket: Socket, connection: InboundConnection) => void;

/** Ends TLS on sockets that were accepted elsewhere. */
export interface TlsTerminator {
  accept(socket: Socket): void;
  close(): void;
}

/**
 * Terminates mutual TLS on one port: chain, validity, exactly one URI name, an accepted trust domain. What fails is cut
 * off and logged; it never reaches `next`.
 */
export function terminateMesh(context: SidecarContext, port: number, next: AcceptConnection): TlsTerminator {
  const { trustDomain, trustDomainAliases, certificateTrustDomains } = context.mesh.config;
  const trustDomains = [trustDomain, ...trustDomainAliases, ...certificateTrustDomains];
  const checks = context.enforcement !== 'nothing';
  const { material } = context.identity.current;
  const terms = { ...contextTerms, requestCert: true, rejectUnauthorized: false } as const;
  const server = createTls({
    ...material,
    ...terms,
    ALPNProtocols: ['h2', 'http/1.1'],
    allowHalfOpen: true,
    handshakeTimeout: 10_000,
  });
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    const connection = connectionOf(socket, port);
    const fault = checks ? certificateFault(socket, trustDomains) : null;
    if (fault === null) next(socket, connection);
    else refuse(context, connection, fault, socket);
  });
  server.on('tlsClientError', (error, socket) => {
    refuse(context, { ...connectionOf(socket, port), identities: null }, error.message, socket);
  });
  const renew = (identity: Identity): void => server.setSecureContext({ ...identity.material, ...terms });
  context.identity.on('change', renew);
  return {
    accept: (socket) => void server.emit('connection', socket),
    close: () => void context.identity.off('change', renew),
  };
}

function connectionOf(socket: TLSSocket, port: number): InboundConnection {
  const certificate = socket.getPeerCertificate();
  const names = uriNames(certificate?.subjectaltname);
  const sni = (socket as { readonly servername?: string | false | null }).servername;
  return {
    port,
    peer: { id: names[0] ?? null, serial: certificate?.serialNumber ?? null, port: socket.remotePort ?? null },
    identities: names.length === 0 ? null : names,
    sni: typeof sni === 'string' ? sni : '',
    address: socket.remoteAddress ?? '',
  };
}

// The handshake lets every certificate through so that a refusal can be told with its reason and the caller's port.
function certificateFault(socket: TLSSocket, trustDomains: readonly string[]): string | null {
  if (!socket.authorized) return `chain refused: ${String(socket.authorizationError)}`;
  const certificate = socket.getPeerCertificate();
  const names = uriNames(certificate.subjectaltname);
  const [name] = names;
  if (name === undefined || names.length !== 1)
    return `${names.length} URI names in the certificate, expected exactly one`;
  if (!trustDomains.some((domain) => isOfTrustDomain(name, domain))) return `\`${name}\` is of a foreign trust domain`;
  if (Date.parse(certificate.valid_to) <= Date.now()) return 'the certificate has expired';
  return null;
}

function refuse(context: SidecarContext, connection: InboundConnection, because: string, socket: Socket): void {
  const { port, peer } = connection;
  const write = openEntry(context.log, { direction: 'inbound', port, protocol: 'tcp', head: null, traceId: null });
  socket.destroy();
  write(peer, { verdict: 'deny', layer: 'peer-authentication', because: `TLS: ${because}` });
}

/** A far end that showed no certificate. */
export function plaintextConnection(socket: Socket, port: number): InboundConnection {
  return {
    port,
    peer: { ...unknownPeer, port: socket.remotePort ?? null },
    identities: null,
    sni: '',
    address: socket.remoteAddress ?? '',
  };
}

/** Cuts off plaintext where mutual TLS is STRICT: a reset, as from a listener without a chain for it. */
export function refusePlaintext(context: SidecarContext, port: number, socket: Socket): void {
  const write = openEntry(context.log, { direction: 'inbound', port, protocol: 'tcp', head: null, traceId: null });
  const { peer } = plaintextConnection(socket, port);
  socket.resetAndDestroy();
  write(peer, { verdict: 'deny', layer: 'peer-authentication', because: 'plaintext refused: mutual TLS is STRICT' });
}
