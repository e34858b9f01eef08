/** What `make up` says at its end: where things are, whether the mesh behaves as declared, what it costs. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mintUserToken } from '../local/keys.ts';
import { openTradingApi } from '../local/trading-api.ts';
import type { ClusterAccess } from './access.ts';
import type { Progress } from './progress.ts';
import type { Site } from './site.ts';
import { type TradeSeen, tradeOnce } from './trade-check.ts';
import type { Platform } from './up.ts';
import { printUsage, usageByPart } from './usage.ts';
import { keepVerdict, probeCluster, type Verdict } from './verdict.ts';

/** The clients' view: the gateway on the port that kind maps to this machine. */
async function trade({ names, environment, root }: Site, edgeCaFile: string): Promise<TradeSeen> {
  const api = openTradingApi({
    baseUrl: `https://${environment.ingress.host}:${names.gatewayPort}`,
    address: '127.0.0.1',
    ca: readFileSync(edgeCaFile, 'utf8'),
  });
  const keys = join(root, '.meshwright', 'keys');
  try {
    return await tradeOnce(api, (subject, accounts, scopes) =>
      mintUserToken(keys, { subject, accounts, scope: scopes.join(' ') }),
    );
  } finally {
    await api.close();
  }
}

/** How to reach the platform. Jaeger's query ports listen on the pod's loopback only, so a forwarded port leads there. */
function addresses({ names, environment }: Site, edgeCaFile: string): readonly string[] {
  const { host } = environment.ingress;
  const { gatewayPort, context } = names;
  return [
    `gateway  https://${host}:${gatewayPort}`,
    `         curl --cacert ${edgeCaFile} --resolve ${host}:${gatewayPort}:127.0.0.1 https://${host}:${gatewayPort}/orders`,
    'jaeger   http://127.0.0.1:16686/api/v3/services, while this runs:',
    `         kubectl --context ${context} -n observability port-forward deployment/jaeger 16686`,
  ];
}

/** True iff this version of the command line can probe a live cluster. */
function canProbe(root: string): boolean {
  return existsSync(join(root, 'policies', 'cli', 'commands', 'probe.ts'));
}

async function judge(site: Site): Promise<Verdict | undefined> {
  const { run, root, names, state, dist } = site;
  if (!canProbe(root)) return undefined;
  const verdict = await probeCluster(run, { root, context: names.context, intent: join(dist, 'intent.json') });
  await keepVerdict(state, verdict);
  return verdict;
}

async function sayUsage(access: ClusterAccess, say: (line: string) => void): Promise<void> {
  for (const line of printUsage(usageByPart(await access.nodeSummary()))) say(`  ${line}`);
}

/** How much `make up` looks at before it ends. */
export type Depth = 'trade' | 'probe';

/** Checks the running platform and says everything. Resolves to whether it is as declared. Errors: ClusterError. */
export async function finish(
  site: Site,
  { access, edgeCaFile }: Platform,
  progress: Progress,
  depth: Depth,
): Promise<boolean> {
  await progress.stage('trade', async () => {
    const { clientOrderId, answerMs } = await trade(site, edgeCaFile);
    return [`${clientOrderId} filled and settled, answered in ${answerMs.toFixed(0)} ms`, undefined];
  });
  const verdict =
    depth === 'trade'
      ? undefined
      : await progress.stage('conformance', async () => {
          const judged = await judge(site);
          return [judged === undefined ? 'not probed' : `${judged.kind}: ${judged.words}`, judged];
        });
  const { say } = site;
  say('');
  await sayUsage(access, say);
  say('');
  for (const line of addresses(site, edgeCaFile)) say(line);
  say(`\nup after ${(progress.elapsedMs / 1000).toFixed(1)} s`);
  return verdict === undefined || verdict.kind === 'holds';
}
