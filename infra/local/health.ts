import { once } from 'node:events';
import { request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import type { ApplicationProtocol } from '#policies/language/mesh.ts';

const limitMs = 2000;
/** `HealthCheckResponse{status: SERVING}` behind its gRPC frame head. */
const serving = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
/** An empty `HealthCheckRequest`: the whole server is asked for. */
const question = Buffer.alloc(5);

/** True iff the application on `socketPath` says, in its own protocol, that it serves; false within two seconds. */
export async function isServing(socketPath: string, protocol: ApplicationProtocol): Promise<boolean> {
  try {
    if (protocol === 'tcp' || protocol === 'auto') return await accepts(socketPath);
    return protocol === 'http' ? await answersHealthz(socketPath) : await answersGrpcHealth(socketPath);
  } catch {
    return false;
  }
}

async function accepts(path: string): Promise<boolean> {
  const socket = connect(path);
  await once(socket, 'connect', { signal: AbortSignal.timeout(limitMs) });
  socket.destroy();
  return true;
}

async function answersHealthz(socketPath: string): Promise<boolean> {
  const asked = request({ socketPath, path: '/healthz', signal: AbortSignal.timeout(limitMs), agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode === 200;
}

async function answersGrpcHealth(path: string): Promise<boolean> {
  const session = connectHttp2('http://application', { createConnection: () => connect(path) });
  const late = setTimeout(() => session.destroy(new Error('no answer in time')), limitMs);
  try {
    const failed = new Promise<never>((_resolve, reject) => session.once('error', reject));
    failed.catch(() => {});
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(question);
    return Buffer.concat(await Promise.race([stream.toArray(), failed])).equals(serving);
  } finally {
    clearTimeout(late);
    session.destroy();
  }
}
