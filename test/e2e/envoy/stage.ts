/** The workloads that random policy sets are about, and one policy set on that stage. */
import { compile, type Decider, keysOf, PROFILES } from '#policies/analysis/index.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { printYaml } from '#policies/language/print.ts';
import { WORKLOADS } from '../../support/random-mesh.ts';
import { servedAddress } from './addresses.ts';
import { namespaceNamed } from './control-plane.ts';
import { areasOf, type Opinion } from './gates.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import type { Laboratory, Placed } from './laboratory.ts';
import { createPod, podOf } from './pods.ts';
import { extensionProviders } from './provider.ts';
import { issuers, type PolicySet } from './random-set.ts';
import type { TokenMint } from './tokens.ts';

/** The container ports: http, grpc, tcp, without protocol, in no Service. */
export const ports: readonly number[] = [8000, 9000, 7000, 6000, 5000];
/** True iff the port carries HTTP when the client speaks it. */
export const carriesHttp = (port: number): boolean => port !== 7000;

const namespaces = ['istio-system', 'a', 'b'].map(namespaceNamed);

const deploymentOf = ({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        serviceAccountName: name,
        containers: [{ name: 'c', image: 'c:1', ports: [{ containerPort: 8000, name: 'web' }] }],
      },
    },
  },
});

const serviceOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: {
    selector: { app: name },
    ports: [
      { name: 'w', port: 80, targetPort: 'web', appProtocol: 'http' },
      { name: 'g', port: 9000, appProtocol: 'grpc' },
      { name: 't', port: 7000, appProtocol: 'tcp' },
      { name: 'u', port: 6000 },
    ],
  },
});

const deployments = WORKLOADS.map(deploymentOf);
const services = WORKLOADS.map(serviceOf);
const pods = deployments.map((deployment, index) => ({ pod: podOf(deployment), ip: `127.3.255.${index + 1}` }));

/** The address at which a workload of the set in `slot` is served. */
export function addressOf(
  { ipv6 }: Laboratory,
  slot: number,
  { namespace, workload }: { readonly namespace: string; readonly workload: string },
): string {
  const index = WORKLOADS.findIndex((each) => each.namespace === namespace && each.name === workload);
  return servedAddress(ipv6, slot, index);
}

const settingsMap = (settings: PolicySet['settings']): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: JSON.stringify(settings) },
});

/** The set as the YAML that anybody could decide on: stage, settings, policies. */
export const yamlOf = ({ settings, policies }: PolicySet): string =>
  [...namespaces, settingsMap(settings), ...deployments, ...services, ...policies].map(printYaml).join('---\n');

/** Creates the stage once. */
export async function setStage({ server: { client } }: Laboratory): Promise<void> {
  for (const object of [...namespaces, ...services]) await client.put(object);
  for (const { pod, ip } of pods) await createPod(client, pod, ip);
}

/** The engine's decisions on a set. Errors: throws when the set does not parse. */
export function deciderOf(set: PolicySet, tokens: TokenMint): Decider {
  const mesh = parseMesh(readDocuments('policies.yaml', yamlOf(set)).documents, { tolerate: ['webhook'] });
  if (!mesh.ok) throw new Error(mesh.problems.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  const issuerKeys = new Map(issuers.map((issuer) => [issuer, keysOf(tokens.jwks(issuer))] as const));
  return compile(mesh.value, PROFILES['istio-1.31'], { issuerKeys });
}

/** A set that was translated: what the API server stored of it, and the listener of each workload. */
export interface Translated {
  readonly set: PolicySet;
  readonly placed: readonly Placed[];
  /** What the API server says of each document, and what we say. */
  readonly gates: readonly Opinion[];
}

const providerNames: readonly string[] = extensionProviders.map(({ name }) => name);

const meshShown = (settings: PolicySet['settings']) => (shown: Readonly<Record<string, unknown>>) => {
  const normalization = (holder: Readonly<Record<string, unknown>>) =>
    (holder['pathNormalization'] as { normalization?: string } | undefined)?.normalization ?? 'DEFAULT';
  const aliases = (holder: Readonly<Record<string, unknown>>) =>
    [...((holder['trustDomainAliases'] as readonly string[] | undefined) ?? [])].sort().join(' ');
  const providers = (holder: Readonly<Record<string, unknown>>) =>
    ((holder['extensionProviders'] as readonly { readonly name: string }[] | undefined) ?? [])
      .map(({ name }) => name)
      // istiod adds providers of its own, for telemetry.
      .filter((name) => providerNames.includes(name))
      .join(' ');
  const same = (view: (holder: Readonly<Record<string, unknown>>) => unknown) => view(shown) === view(settings);
  return same(normalization) && same(aliases) && same(providers) && same((holder) => holder['trustDomain']);
};

function opinionOn(policy: KubernetesObject, status: number): Opinion {
  const refusals = areasOf(policy).filter((area) => area !== 'webhook');
  const ours = refusals.length === 0 ? null : refusals.join(', ');
  return { gate: 'API server', theirs: status < 300 ? null : String(status), ours, policy };
}

/** Applies a set, waits until istiod has it, fetches every workload's listener, and takes the set away again. */
export async function translate(laboratory: Laboratory, set: PolicySet, slot: number): Promise<Translated> {
  const { client } = laboratory.server;
  await client.put(settingsMap(set.settings));
  const [stored, accepted, gates]: [KubernetesObject[], KubernetesObject[], Opinion[]] = [[], [], []];
  // In the order of their names, since the older of two policies may win.
  for (const policy of set.policies) {
    const { status, body } = await client.create(policy);
    const opinion = opinionOn(policy, status);
    gates.push(opinion);
    if (status < 300) stored.push(body as KubernetesObject);
    if (status < 300 && opinion.ours === null) accepted.push(policy);
  }
  for (const document of set.offered) gates.push(opinionOn(document, (await client.judge(document)).status));
  await laboratory.plane.converge(stored, meshShown(set.settings));
  const placed = await Promise.all(
    pods.map(async ({ pod, ip }) => ({
      listener: await laboratory.fetch(pod, ip),
      ip: addressOf(laboratory, slot, { namespace: pod.metadata.namespace ?? '', workload: pod.metadata.name }),
      ports,
    })),
  );
  for (const policy of stored) await client.remove(policy);
  return { set: { ...set, policies: accepted }, placed, gates };
}
