/** Who gets an identity: the rendered ClusterSPIFFEIDs, read as far as the kubelet tells about a pod. */

/** A pod as the kubelet introduces it when it asks for a volume. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly serviceAccount: string;
}

/** The identity of a registered pod. */
export interface Registered {
  readonly spiffeId: string;
  readonly lifetimeMs: number;
}

/** The members of a ClusterSPIFFEID that decide here. */
export interface ClusterSpiffeId {
  readonly spec: {
    readonly spiffeIDTemplate: string;
    readonly namespaceSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly workloadSelectorTemplates: readonly string[];
    readonly ttl: string;
  };
}

const unitsMs = { h: 3_600_000, m: 60_000, s: 1_000 } as const;

/** `1h`, `2m` or `90s` in milliseconds. Errors: throws on anything else. */
export function durationMs(text: string): number {
  const found = /^(\d+)([hms])$/.exec(text);
  const unit = found?.[2] as keyof typeof unitsMs | undefined;
  if (found === null || unit === undefined) throw new Error(`expected hours, minutes or seconds, got \`${text}\``);
  return Number(found[1]) * unitsMs[unit];
}

/** The identity of `pod`, undefined when no registration speaks of its namespace and account. */
export function tryFindRegistered(
  registrations: readonly ClusterSpiffeId[],
  pod: Pod,
  trustDomain: string,
): Registered | undefined {
  const found = registrations.find(
    ({ spec }) =>
      spec.namespaceSelector.matchLabels['kubernetes.io/metadata.name'] === pod.namespace &&
      spec.workloadSelectorTemplates.includes(`k8s:sa:${pod.serviceAccount}`),
  );
  if (found === undefined) return undefined;
  const spiffeId = found.spec.spiffeIDTemplate
    .replace('{{ .TrustDomain }}', trustDomain)
    .replace('{{ .PodMeta.Namespace }}', pod.namespace)
    .replace('{{ .PodSpec.ServiceAccountName }}', pod.serviceAccount);
  return { spiffeId, lifetimeMs: durationMs(found.spec.ttl) };
}
