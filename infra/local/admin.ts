import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { isServing } from './health.ts';
import type { OpenPort } from './inbound.ts';
import { protocolOfPort } from './registry.ts';
import type { SidecarContext } from './sidecar-context.ts';

/**
 * Serves a sidecar's own health on a UNIX socket, as the status port of a pod does: `GET /healthz/ready` answers 200
 * once the sidecar listens, `GET /app-health/readyz` 200 while the application behind it says that it serves.
 */
export async function openAdmin(context: SidecarContext): Promise<OpenPort> {
  const server = createServer(async (request, response) => {
    const serving =
      request.url === '/healthz/ready' ||
      (request.url === '/app-health/readyz' && (await areApplicationsServing(context)));
    response.writeHead(serving ? 200 : 503, { 'content-type': 'text/plain' }).end(serving ? 'ok\n' : 'not serving\n');
  });
  const { admin } = context.configuration;
  rmSync(admin, { force: true });
  await new Promise<void>((resolve) => server.listen(admin, resolve));
  return {
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function areApplicationsServing(context: SidecarContext): Promise<boolean> {
  const answers = context.configuration.inbound.map(({ port, application }) =>
    application === null ? true : isServing(application, protocolOfPort(context.mesh, context.workload, port)),
  );
  return (await Promise.all(answers)).every((serving) => serving);
}
