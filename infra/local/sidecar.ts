/** The program of one sidecar: `node infra/local/sidecar.ts CONFIGURATION.json`, started by the launcher. */
import { readFileSync } from 'node:fs';
import { applicable } from '#policies/analysis/attachment.ts';
import { compile } from '#policies/analysis/index.ts';
import { openAccessLog } from './access-log.ts';
import { openAdmin } from './admin.ts';
import { prepareAuthentication } from './authentication.ts';
import { openEdge } from './edge.ts';
import { IdentitySource } from './identity-source.ts';
import { type OpenPort, openInbound } from './inbound.ts';
import { readMesh } from './manifests.ts';
import { openOutbound } from './outbound.ts';
import type { SidecarConfiguration } from './sidecar-configuration.ts';
import type { SidecarContext } from './sidecar-context.ts';
import { openSpanExporter } from './spans.ts';
import { StartError } from './start-error.ts';

/** Starts a sidecar; resolves when every port listens. Errors: StartError. */
export async function startSidecar(configuration: SidecarConfiguration): Promise<OpenPort> {
  const { workload: reference } = configuration;
  const mesh = await readMesh(configuration.manifests);
  const workload = mesh.workloads.find(
    ({ namespace, name }) => namespace === reference.namespace && name === reference.name,
  );
  if (workload === undefined) {
    throw new StartError(
      `\`${configuration.manifests}\` holds no workload \`${reference.namespace}/${reference.name}\``,
      'synthesize with `make synth`',
    );
  }
  const rules = applicable(mesh.requestAuthentications, mesh, workload).flatMap((policy) => policy.rules);
  const context: SidecarContext = {
    configuration,
    enforcement: configuration.enforcement,
    mesh,
    workload,
    decider: compile(mesh).forWorkload({ namespace: workload.namespace, workload: workload.name }),
    authentication: prepareAuthentication(rules),
    identity: await IdentitySource.open(configuration.identity),
    log: openAccessLog(configuration.accessLog),
    spans: openSpanExporter({ service: `${workload.name}.${workload.namespace}`, socket: configuration.collector }),
  };
  const ports = await openPorts(context);
  return {
    async close() {
      await Promise.all(ports.map((port) => port.close()));
      context.identity.close();
      await Promise.all([context.log.close(), context.spans.close()]);
    },
  };
}

async function openPorts(context: SidecarContext): Promise<readonly OpenPort[]> {
  const { inbound, outbound, edge } = context.configuration;
  const opening = [
    ...outbound.map((port) => openOutbound(context, port)),
    ...inbound.map(({ port, application }) => {
      if (application !== null) return openInbound(context, port, application);
      if (edge === null)
        throw new StartError(`port ${port} leads nowhere`, 'give it an application, or edge certificates');
      return openEdge(context, port, edge);
    }),
  ];
  const ports = await Promise.all(opening);
  return [...ports, await openAdmin(context)];
}

async function main(file: string): Promise<void> {
  process.umask(0o077);
  const sidecar = await startSidecar(JSON.parse(readFileSync(file, 'utf8')) as SidecarConfiguration);
  const stop = async (): Promise<void> => {
    await sidecar.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  process.stdout.write('ready\n');
}

if (import.meta.main) {
  main(process.argv[2] ?? '').catch((error: unknown) => {
    const text = error instanceof StartError ? `${error.message}\n${error.repair}` : String((error as Error).stack);
    process.stderr.write(`${text}\n`);
    process.exit(1);
  });
}
