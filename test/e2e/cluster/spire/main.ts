/**
 * Identity on the running kind cluster, with the stand-in for SPIRE: `node test/e2e/cluster/spire/main.ts [istio|spire]`.
 * The mesh is moved to istiod's CA and to the stand-in under load, both below istiod's root; every leaf is looked at, the
 * authority is rotated and the agent restarted under load. It ends with the issuer named, istiod by default.
 * Exit code 0: everything held, 2: something did not.
 */
import { fileURLToPath } from 'node:url';
import { ClusterAccess } from '#infra/cluster/access.ts';
import { runCommand } from '#infra/cluster/command.ts';
import { openGateway } from '#infra/cluster/open-gateway.ts';
import { openSite } from '#infra/cluster/site.ts';
import { Experiment } from './experiment.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const site = openSite({ root, dist: 'dist/kind-spire', env: process.env, say });
  const access = new ClusterAccess(site.names.context);
  const place = { root, host: site.environment.ingress.host, port: site.names.gatewayPort };
  const { api, mint } = await openGateway(access, place);
  try {
    const experiment = new Experiment({ site, access, api, mint, say, run: runCommand });
    return (await experiment.run(process.argv[2] === 'spire' ? 'spire' : 'istio')) ? 0 : 2;
  } finally {
    await api.close();
  }
}

process.exitCode = await main();
