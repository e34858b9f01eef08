/** One probe from the request to its outcome; it never throws and never outlives its deadline. */
import type { Socket } from 'node:net';
import { dial, ProbeFailure } from './dial.ts';
import { exchangeHttp1, exchangeHttp2, exchangeTcp } from './exchange.ts';
import type { ProbeOutcome, ProbeRequest, ProbeResult } from './protocol.ts';

/** Makes the probe. */
export async function probe(request: ProbeRequest): Promise<ProbeOutcome> {
  const [startedAtMs, startedAt] = [Date.now(), performance.now()];
  const signal = AbortSignal.timeout(request.timeoutMs);
  let ends: Pick<ProbeOutcome, 'localAddress' | 'localPort' | 'remoteAddress'> = {
    localAddress: null,
    localPort: null,
    remoteAddress: null,
  };
  let opened: Socket | undefined;
  const remember = (socket: Socket) => {
    opened = socket;
    socket.once('connect', () => {
      ends = {
        localAddress: socket.localAddress ?? null,
        localPort: socket.localPort ?? null,
        remoteAddress: socket.remoteAddress ?? null,
      };
    });
  };
  const result = await dial(request, signal, remember)
    .then((socket) => exchange(request, socket, signal))
    .catch((error: unknown): ProbeResult => {
      const { stage, code, message } = ProbeFailure.from(error, 'answer');
      return { kind: 'failed', stage, code, message };
    });
  opened?.destroy();
  return { id: request.id, result, ...ends, startedAtMs, elapsedMs: Math.round(performance.now() - startedAt) };
}

function exchange(request: ProbeRequest, socket: Socket, signal: AbortSignal): Promise<ProbeResult> {
  switch (request.protocol) {
    case 'http2':
      return exchangeHttp2(request, socket, signal);
    case 'http1':
      return exchangeHttp1(request, socket, signal);
    case 'tcp':
      return exchangeTcp(request, socket, signal);
    default:
      throw new Error(`unexpected protocol: ${JSON.stringify(request satisfies never)}`);
  }
}
