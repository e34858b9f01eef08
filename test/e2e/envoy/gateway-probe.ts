import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { clusterHeader, probeHeader } from './gateway-upstreams.ts';

/** One request to a gateway. */
export interface GatewayProbe {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  /** Null in plaintext; '' for TLS without a name. */
  readonly sni: string | null;
  readonly http: {
    readonly method: string;
    readonly path: string;
    readonly host: string;
    readonly headers: ReadonlyMap<string, readonly string[]>;
  };
}

/** What a client sees of it. */
export type GatewaySeen =
  | { readonly kind: 'answered'; readonly status: number; readonly cluster: string | null }
  | { readonly kind: 'closed' };

const patienceMs = 60_000;

/** Sends a request on a connection of its own. */
export function sendToGateway(probe: GatewayProbe): Promise<GatewaySeen> {
  const at = { host: probe.ip, port: probe.port };
  const socket =
    probe.sni === null
      ? connectTcp(at)
      : connectTls({ ...at, servername: probe.sni, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  return new Promise((resolve) => {
    const session: ClientHttp2Session = connectHttp2('http://gateway', { createConnection: () => socket });
    const end = (seen: GatewaySeen) => {
      clearTimeout(patience);
      session.destroy();
      resolve(seen);
    };
    const closed = () => end({ kind: 'closed' });
    const patience = setTimeout(closed, patienceMs);
    session.once('error', closed);
    session.once('close', closed);
    const stream = session.request(headersOf(probe), { endStream: true });
    stream.once('response', (headers) => {
      const cluster = headers[clusterHeader];
      end({
        kind: 'answered',
        status: Number(headers[':status']),
        cluster: typeof cluster === 'string' ? cluster : null,
      });
    });
    stream.once('error', closed);
    stream.once('close', closed);
  });
}

function headersOf({ id, sni, http }: GatewayProbe): OutgoingHttpHeaders {
  const headers = [...http.headers].map(([name, values]) => [name, [...values]] as const);
  return {
    ':method': http.method,
    ':path': http.path,
    ':authority': http.host,
    ':scheme': sni === null ? 'http' : 'https',
    [probeHeader]: id,
    ...Object.fromEntries(headers),
  };
}
