/** What goes to the probe program for one call from a pod. */
import { randomUUID } from 'node:crypto';
import type { HttpProbe, ProbeRequest } from '../../probe/protocol.ts';
import type { Caller } from './caller.ts';

/** One call: where it goes and what it carries. */
export interface ProbeCall extends Pick<ProbeRequest, 'host' | 'port' | 'protocol'> {
  /** Null sends bytes whatever the protocol. */
  readonly http: Pick<HttpProbe, 'method' | 'path' | 'authority' | 'headers'> | null;
  readonly bearer: string | null;
}

/** PostgreSQL answers this request for TLS with one byte before anything else: nothing is left behind. */
const sslRequest = '0000000804d2162f';
/** Behind a proxy it is the proxy that waits for a connection. */
const proxiedTimeoutMs = 5000;
const bareTimeoutMs = 3000;

/** The call as a probe; its id is the request id that both sidecars log. HTTP/2 carries an empty message of gRPC. */
export function probeFrom(
  { pod }: Pick<Caller, 'pod'>,
  { host, port, protocol, http, bearer }: ProbeCall,
): ProbeRequest {
  const id = randomUUID();
  const common = { id, host, port, timeoutMs: pod.proxied ? proxiedTimeoutMs : bareTimeoutMs, tls: null };
  if (http === null || protocol === 'tcp') return { ...common, protocol: 'tcp', bytes: sslRequest };
  const isMessage = protocol === 'http2';
  return {
    ...common,
    protocol,
    ...http,
    headers: {
      ...http.headers,
      'x-request-id': id,
      'x-meshwright-probe': '1',
      ...(isMessage ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: isMessage ? 'emptyMessage' : 'none',
  };
}
