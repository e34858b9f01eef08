/** Installs Istio with istioctl from the rendered IstioOperator file, and only when something about it has changed. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ClusterAccess } from './access.ts';
import { expectOutput, type Run } from './command.ts';
import type { Kubectl } from './kubectl.ts';
import type { Parameters } from './parameters.ts';
import type { Say } from './progress.ts';
import { failWhenStuck } from './stuck-pods.ts';

/** What is installed, and where. */
export interface IstioRequest {
  readonly context: string;
  readonly rootNamespace: string;
  /** The rendered `istio.yaml`. */
  readonly operatorFile: string;
  readonly parameters: Parameters;
}

/** Remembers in the cluster what the installation was made of. */
const record = 'meshwright-istio';

/** istioctl's arguments: our file, then the site's, then hub and tag, which win over both. */
export function istioctlArguments({ context, operatorFile, parameters }: IstioRequest): readonly string[] {
  const { istio, istioOverlay, istioCharts } = parameters;
  return [
    'install',
    '--skip-confirmation',
    `--context=${context}`,
    `--filename=${operatorFile}`,
    ...(istioOverlay === undefined ? [] : [`--filename=${istioOverlay}`]),
    ...(istioCharts === undefined ? [] : [`--manifests=${istioCharts}`]),
    `--set=hub=${istio.hub}`,
    `--set=tag=${istio.tag}`,
    '--readiness-timeout=3m',
  ];
}

async function digestOf(request: IstioRequest): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(istioctlArguments(request)));
  for (const file of [request.operatorFile, request.parameters.istioOverlay])
    if (file !== undefined) hash.update(await readFile(file));
  return hash.digest('hex');
}

/** What installing works with. */
export interface IstioTools {
  readonly run: Run;
  readonly access: ClusterAccess;
  readonly kubectl: Kubectl;
  readonly say: Say;
}

/**
 * Brings Istio to the requested state; istioctl itself waits until istiod and the CNI are ready. Resolves to what
 * happened. Errors: ClusterError with istioctl's last lines and the reasons of pods, at once when one cannot start.
 */
export async function installIstio(
  { run, access, kubectl, say }: IstioTools,
  request: IstioRequest,
): Promise<'installed' | 'unchanged'> {
  const namespace = request.rootNamespace;
  const digest = await digestOf(request);
  const known = await access.tryFindConfiguration(namespace, record);
  if (known?.['digest'] === digest) return 'unchanged';
  say('istioctl installs, and waits for istiod and the CNI');
  const install = (signal: AbortSignal) => expectOutput(run, ['istioctl', ...istioctlArguments(request)], { signal });
  await failWhenStuck(install, { access, namespaces: [namespace, 'kube-system'] });
  const metadata = { name: record, namespace };
  await kubectl.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { digest } }]);
  return 'installed';
}
