/**
 * The one door to `@kubernetes/client-node`. It is an optional peer of the package: it is loaded when a verb is given
 * `--context`, and its absence is told with the command that repairs it.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { problem, type Result } from '../../language/problem.ts';
import { Api } from './api.ts';

/** The client library, as far as it is used. */
export type KubernetesClient = Pick<typeof import('@kubernetes/client-node'), 'KubeConfig' | 'Exec' | 'PortForward'>;

/** How the client library is found; tests give another way. */
export type LoadClient = () => Promise<KubernetesClient>;

/** A cluster that can be talked to. */
export interface Connection {
  /** The name of the context, which names the cluster in every report. */
  readonly context: string;
  readonly config: KubeConfig;
  readonly client: KubernetesClient;
  readonly api: Api;
}

const loadClient: LoadClient = () => import('@kubernetes/client-node');

const at = { file: '--context', path: '', line: 1 };

/**
 * Connects to the cluster of a context of the user's kubeconfig; nothing is sent yet.
 * Errors: `live/client-missing`, `live/kubeconfig`, `live/unknown-context`.
 */
export async function connect(context: string, load: LoadClient = loadClient): Promise<Result<Connection>> {
  const client = await load().catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ERR_MODULE_NOT_FOUND' || cause.code === 'MODULE_NOT_FOUND') return undefined;
    throw cause;
  });
  if (client === undefined) {
    const repair = 'npm install @kubernetes/client-node@2 beside meshwright; verbs without --context need no client';
    const message = 'talking to a cluster needs `@kubernetes/client-node`, which is not installed';
    return { ok: false, problems: [problem('live/client-missing', message, at, repair)] };
  }
  const config = new client.KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    const message = `the kubeconfig cannot be read: ${(cause as Error).message}`;
    return { ok: false, problems: [problem('live/kubeconfig', message, at, 'see KUBECONFIG and ~/.kube/config')] };
  }
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) {
    const help = known.length === 0 ? 'the kubeconfig names no context' : `known: ${known.join(', ')}`;
    return { ok: false, problems: [problem('live/unknown-context', `no context \`${context}\``, at, help)] };
  }
  config.setCurrentContext(context);
  return { ok: true, value: { context, config, client, api: new Api(config) } };
}
