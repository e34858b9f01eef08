import { dump, load } from 'js-yaml';

/** What this machine and this site change about `kind-config.yaml`. */
export interface KindSettings {
  readonly nodeImage: string;
  /** The kubelet is told to accept control groups v1, which it refuses by default. */
  readonly acceptCgroupV1: boolean;
}

interface KindConfig {
  readonly name: string;
  readonly nodes: readonly (Readonly<Record<string, unknown>> & {
    readonly extraPortMappings?: readonly { readonly hostPort: number }[];
  })[];
  readonly kubeadmConfigPatches?: readonly string[];
}

const consent = dump({
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  failCgroupV1: false,
});

/** The text that kind reads: the file of the repository with the settings of this machine. */
export function kindConfiguration(text: string, { nodeImage, acceptCgroupV1 }: KindSettings): string {
  const config = load(text) as KindConfig;
  return dump({
    ...config,
    nodes: config.nodes.map((node) => ({ ...node, image: nodeImage })),
    kubeadmConfigPatches: [...(config.kubeadmConfigPatches ?? []), ...(acceptCgroupV1 ? [consent] : [])],
  });
}

/** The names that follow from `kind-config.yaml`. */
export interface ClusterNames {
  readonly cluster: string;
  /** Of the kubeconfig. */
  readonly context: string;
  /** The container that is the node. */
  readonly nodeContainer: string;
  /** Where this machine reaches the ingress gateway, on 127.0.0.1. */
  readonly gatewayPort: number;
}

/** Reads the names out of the file's text. */
export function clusterNames(text: string): ClusterNames {
  const { name, nodes } = load(text) as KindConfig;
  const [port] = nodes.flatMap(({ extraPortMappings }) => extraPortMappings ?? []);
  if (port === undefined) throw new Error('kind-config.yaml maps no port to the ingress gateway');
  return {
    cluster: name,
    context: `kind-${name}`,
    nodeContainer: `${name}-control-plane`,
    gatewayPort: port.hostPort,
  };
}
