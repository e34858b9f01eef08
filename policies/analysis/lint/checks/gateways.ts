/** TLS of Gateways and of calls that leave the mesh. Source: threats.md 6 and 7. Routes and hosts have checks of their own. */
import type { GatewayServer } from '../../../language/traffic.ts';
import { isHostPattern } from '../../outbound.ts';
import { atObject, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

const bare = (host: string): string => host.slice(host.lastIndexOf('/') + 1);

/** Terminates TLS for HTTP, so that a client may send another Host than the SNI that it was let in for. */
function sharesConnections({ protocol, tlsMode }: GatewayServer): boolean {
  return protocol.toUpperCase() === 'HTTPS' && tlsMode !== null && !tlsMode.endsWith('PASSTHROUGH');
}

/** Servers with one certificate and unlike demands on clients: what one asks for, a connection to the other avoids. */
function* sharedCertificates({ mesh }: Context): Generator<Sighting> {
  const first = new Map<string, { readonly server: GatewayServer; readonly host: string }>();
  for (const gateway of mesh.gateways)
    for (const server of gateway.servers.filter(sharesConnections)) {
      if (server.credentialName === null) continue;
      const key = JSON.stringify([gateway.namespace, server.port, server.credentialName]);
      const host = server.hosts.map(bare).join(', ');
      const earlier = first.get(key);
      first.set(key, earlier ?? { server, host });
      if (earlier !== undefined && earlier.server.tlsMode !== server.tlsMode)
        yield atObject(
          'Gateway',
          gateway,
          `port ${server.port}: \`${host}\` (${server.tlsMode}) and \`${earlier.host}\` (${earlier.server.tlsMode}) share the certificate \`${server.credentialName}\``,
        );
    }
}

const OLD: ReadonlySet<string> = new Set(['TLSV1_0', 'TLSV1_1']);

function* oldProtocols({ mesh }: Context): Generator<Sighting> {
  for (const gateway of mesh.gateways)
    for (const { port, minProtocolVersion } of gateway.servers)
      if (minProtocolVersion !== null && OLD.has(minProtocolVersion))
        yield atObject('Gateway', gateway, `port ${port}: clients may speak ${minProtocolVersion}`);
}

function* plaintextOutside({ mesh }: Context): Generator<Sighting> {
  const secured = mesh.destinationRules.filter(({ policy, portPolicies }) =>
    [policy, ...portPolicies.map((entry) => entry.policy)].some(({ tls }) => tls !== null && tls !== 'DISABLE'),
  );
  for (const entry of mesh.serviceEntries) {
    if (entry.location !== 'MESH_EXTERNAL') continue;
    const plain = entry.ports.find(({ protocol }) => /^(HTTP|HTTP2|GRPC|GRPC-WEB)$/i.test(protocol));
    const host = entry.hosts.find((each) => !secured.some((rule) => isHostPattern(rule.host, each)));
    if (plain !== undefined && host !== undefined)
      yield atObject(
        'ServiceEntry',
        entry,
        `\`${host}\` port ${plain.number} is ${plain.protocol}, and no DestinationRule adds TLS: calls leave in the clear`,
      );
  }
}

function* anyOutside({ mesh }: Context): Generator<Sighting> {
  for (const entry of mesh.serviceEntries) {
    const wide = entry.hosts.find((host) => host === '*' || /^\*\.[^.]+$/.test(host));
    if (wide !== undefined)
      yield atObject('ServiceEntry', entry, `the host \`${wide}\` makes every name below it part of the mesh`);
  }
}

/** Checks of TLS at the edge. */
export const GATEWAYS: readonly MeshCheck[] = [
  {
    code: 'gateway/shared-certificate',
    severity: 'warning',
    title: 'servers with unlike demands share a certificate',
    resolution:
      'A client keeps one connection for all hosts of a certificate, and the Host of a request may be another than the SNI that the connection was opened for. So a client that gave no certificate to one server reaches the host of the other, which asks for one. Give sensitive hosts a certificate, or a gateway, of their own; a host that must not be reached this way answers 421.',
    find: sharedCertificates,
  },
  {
    code: 'gateway/old-tls',
    severity: 'warning',
    title: 'a Gateway speaks an old version of TLS',
    resolution:
      'TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996). Leave `minProtocolVersion` out, which means TLS 1.2, or set TLSV1_3.',
    find: oldProtocols,
  },
  {
    code: 'egress/plaintext',
    severity: 'warning',
    title: 'calls to the outside travel in the clear',
    resolution:
      'The ServiceEntry declares plain HTTP to a host outside the mesh: whoever is on the way reads and changes it, tokens included. Declare the port as HTTPS, or let a DestinationRule originate TLS (mode SIMPLE with `caCertificates` and `subjectAltNames`).',
    find: plaintextOutside,
  },
  {
    code: 'egress/wildcard-host',
    severity: 'warning',
    title: 'a ServiceEntry covers a whole top-level domain',
    resolution:
      'A host such as `*` or `*.com` lets every sidecar reach whatever carries a name below it, which undoes REGISTRY_ONLY: anybody may register a name. List the hosts that are needed.',
    find: anyOutside,
  },
];
