/** Which policies of the mesh speak about one workload, and which mutual TLS mode holds for it. */

/** The parts of a live security object that say whom it concerns. */
export interface SecurityObject {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly mtls?: { readonly mode?: string };
  };
}

/** A workload as policies see it. */
export interface LabelledWorkload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** How near a policy is: selected by label, its namespace, the whole mesh; undefined when it does not speak about it. */
function nearness(
  { metadata, spec }: SecurityObject,
  { namespace, labels }: LabelledWorkload,
  rootNamespace: string,
): 'workload' | 'namespace' | 'mesh' | undefined {
  if (metadata.namespace !== namespace && metadata.namespace !== rootNamespace) return undefined;
  const wanted = Object.entries(spec?.selector?.matchLabels ?? {});
  if (!wanted.every(([label, value]) => labels[label] === value)) return undefined;
  if (wanted.length > 0) return 'workload';
  return metadata.namespace === namespace ? 'namespace' : 'mesh';
}

/** The names of the policies that speak about a workload, `namespace/name`, sorted. */
export function policiesOn(
  workload: LabelledWorkload,
  policies: readonly SecurityObject[],
  rootNamespace: string,
): readonly string[] {
  return policies
    .filter((policy) => nearness(policy, workload, rootNamespace) !== undefined)
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    .sort();
}

const order = ['workload', 'namespace', 'mesh'] as const;

/** The mutual TLS mode of a workload: the nearest PeerAuthentication that sets one. @returns `PERMISSIVE` when none does, as Istio */
export function mutualTlsMode(
  workload: LabelledWorkload,
  authentications: readonly SecurityObject[],
  rootNamespace: string,
): string {
  const setting = authentications.filter(({ spec }) => (spec?.mtls?.mode ?? 'UNSET') !== 'UNSET');
  for (const wanted of order) {
    const nearest = setting.find((each) => nearness(each, workload, rootNamespace) === wanted);
    if (nearest?.spec?.mtls?.mode !== undefined) return nearest.spec.mtls.mode;
  }
  return 'PERMISSIVE';
}
