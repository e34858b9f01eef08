import { Agent, request as requestHttp1 } from 'node:http';
import { dispatch } from './dispatch.ts';
import type { Incoming, Outgoing } from './exchange.ts';
import { outgoingHttp1 } from './exchange-http1.ts';
import { outgoingHttp2 } from './exchange-http2.ts';
import type { NextHop } from './inbound-http.ts';
import { SessionPool } from './upstream.ts';

/** What an application speaks on its socket. */
export type ApplicationProtocol = 'http1' | 'http2';

/** Passes admitted requests to the application on its UNIX socket, in cleartext. */
export function openApplicationHop(
  socketPath: string,
  protocol: ApplicationProtocol,
): { readonly next: NextHop; close(): void } {
  if (protocol === 'http1') {
    const agent = new Agent({ keepAlive: true, maxSockets: 256 });
    return {
      next: (incoming) =>
        dispatch({ incoming, route: null, retrying: 'once', open: async () => openHttp1(incoming, socketPath, agent) }),
      close: () => agent.destroy(),
    };
  }
  const pool = SessionPool.toApplication(socketPath);
  return {
    next: (incoming) => dispatch({ incoming, route: null, retrying: 'once', open: () => openHttp2(incoming, pool) }),
    close: () => pool.close(),
  };
}

function openHttp1(incoming: Incoming, socketPath: string, agent: Agent): Outgoing {
  const { head } = incoming;
  const request = requestHttp1({
    agent,
    socketPath,
    method: head.method,
    path: head.path,
    headers: { ...head.headers, host: head.authority },
  });
  if (incoming.bodyless) request.end();
  else request.flushHeaders();
  return outgoingHttp1(request);
}

/** Opens a request on a pooled session. Errors: rejects when no session can be opened. */
export async function openHttp2(incoming: Incoming, pool: SessionPool): Promise<Outgoing> {
  const { head } = incoming;
  const stream = await pool.request(
    { ':method': head.method, ':path': head.path, ':authority': head.authority, ':scheme': 'http', ...head.headers },
    { endStream: incoming.bodyless, waitForTrailers: !incoming.bodyless },
  );
  return outgoingHttp2(stream);
}
