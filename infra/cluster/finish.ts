/** What `make up` says at its end: where things are, whether the mesh behaves as declared, what it costs. */
import { join } from 'node:path';
import { signingKeyName } from '../local/keys.ts';
import { gatewayAddress, openGateway } from './open-gateway.ts';
import type { Outcome, Progress } from './progress.ts';
import { livePolicies } from './prune.ts';
import type { Site } from './site.ts';
import { type TradeSeen, tradeOnce } from './trade-check.ts';
import type { Platform } from './up.ts';
import { printUsage, usageByPart } from './usage.ts';
import { keepVerdict, probeCluster, subjectOf, tryReadVerdict, type Verdict } from './verdict.ts';

/** Where `make synth` keeps the development keys of users' tokens. */
const keysFolder = ({ root }: Pick<Site, 'root'>): string => join(root, '.meshwright', 'keys');

async function trade({ root, names, environment }: Site, { access }: Platform): Promise<TradeSeen> {
  const { api, mint } = await openGateway(access, { root, host: environment.ingress.host, port: names.gatewayPort });
  try {
    return await tradeOnce(api, mint);
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
    `         curl --cacert ${edgeCaFile} --resolve ${host}:${gatewayPort}:${gatewayAddress} https://${host}:${gatewayPort}/orders`,
    'jaeger   http://127.0.0.1:16686/api/v3/services, while this runs:',
    `         kubectl --context ${context} -n observability port-forward deployment/jaeger 16686`,
  ];
}

/** The last verdict while nothing that grants or refuses has changed since, else a new one. */
async function judge(site: Site, { access, applied }: Platform): Promise<Verdict> {
  const { run, root, names, state, dist } = site;
  const subject = subjectOf(applied, await livePolicies(access));
  const last = await tryReadVerdict(state);
  if (last?.kind === 'holds' && last.subject === subject) return last;
  const verdict = await probeCluster(run, {
    root,
    context: names.context,
    intent: join(dist, 'intent.json'),
    userKey: join(keysFolder(site), signingKeyName),
    subject,
  });
  await keepVerdict(state, verdict);
  return verdict;
}

/** The command that shows every call behind a verdict. */
function howToAsk({ names, dist, ...site }: Site): readonly string[] {
  const files = `--intent ${join(dist, 'intent.json')} --user-key ${join(keysFolder(site), signingKeyName)}`;
  return [
    '\nthe live mesh was not seen to behave as declared; each call, and who stopped it:',
    `  npx meshwright probe --context ${names.context} ${files}`,
  ];
}

/** How much `make up` looks at before it ends. */
export type Depth = 'trade' | 'probe';

/** Checks the running platform and says everything. Resolves to the verdict on it. Errors: ClusterError. */
export async function finish(
  site: Site,
  platform: Platform,
  { progress, depth }: { readonly progress: Progress; readonly depth: Depth },
): Promise<Verdict['kind']> {
  await progress.stage('trade', async () => {
    const { clientOrderId, answerMs } = await trade(site, platform);
    return [`${clientOrderId} filled and settled, answered in ${answerMs.toFixed(0)} ms`, undefined];
  });
  const verdict = depth === 'trade' ? undefined : await progress.stage('conformance', () => sayVerdict(site, platform));
  const { say } = site;
  say('');
  for (const line of printUsage(usageByPart(await platform.access.nodeSummary()))) say(`  ${line}`);
  say('');
  for (const line of addresses(site, platform.edgeCaFile)) say(line);
  if (verdict !== undefined && verdict.kind !== 'holds') for (const line of howToAsk(site)) say(line);
  say(`\nup after ${(progress.elapsedMs / 1000).toFixed(1)} s`);
  return verdict?.kind ?? 'holds';
}

async function sayVerdict(site: Site, platform: Platform): Promise<Outcome<Verdict>> {
  const verdict = await judge(site, platform);
  const minutes = Math.floor((Date.now() - new Date(verdict.at).getTime()) / 60_000);
  const age = minutes < 1 ? '' : `; ${minutes} min ago, nothing that grants or refuses has changed since`;
  return [`${verdict.kind}: ${verdict.words}${age}`, verdict];
}
