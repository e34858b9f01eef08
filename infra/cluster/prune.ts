/** Removes what an earlier version of the manifests applied and the present one no longer has. */
import type { ClusterAccess } from './access.ts';
import { fieldManager, type Kubectl } from './kubectl.ts';
import type { KubernetesObject } from './manifests.ts';

/**
 * The kinds that grant or refuse something: left behind, an ALLOW policy would still admit whom nobody declares.
 * Workloads, services and accounts are named after the catalog and removed with their namespace.
 */
const prunedKinds = [
  { group: 'security.istio.io', plural: 'authorizationpolicies', kind: 'AuthorizationPolicy' },
  { group: 'security.istio.io', plural: 'requestauthentications', kind: 'RequestAuthentication' },
  { group: 'security.istio.io', plural: 'peerauthentications', kind: 'PeerAuthentication' },
  { group: 'networking.istio.io', plural: 'sidecars', kind: 'Sidecar' },
  { group: 'networking.istio.io', plural: 'virtualservices', kind: 'VirtualService' },
  { group: 'networking.istio.io', plural: 'destinationrules', kind: 'DestinationRule' },
  { group: 'networking.istio.io', plural: 'serviceentries', kind: 'ServiceEntry' },
  { group: 'networking.k8s.io', plural: 'networkpolicies', kind: 'NetworkPolicy' },
] as const;

/** A live object as far as it is looked at here. */
export interface LiveObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    /** Grows with every change of the spec. */
    readonly generation?: number;
    readonly managedFields?: readonly { readonly manager?: string }[];
  };
}

const keyOf = (kind: string, { namespace, name }: { readonly namespace?: string; readonly name: string }): string =>
  `${kind} ${namespace ?? ''}/${name}`;

/** The live objects that we applied once and that are not among `applied`. Objects of others are nobody's business here. */
export function abandoned(
  live: readonly { readonly kind: string; readonly object: LiveObject }[],
  applied: readonly KubernetesObject[],
): readonly { readonly kind: string; readonly namespace: string; readonly name: string }[] {
  const wanted = new Set(applied.map(({ kind, metadata }) => keyOf(kind, metadata)));
  return live
    .filter(({ object }) => object.metadata.managedFields?.some(({ manager }) => manager === fieldManager))
    .filter(({ kind, object }) => !wanted.has(keyOf(kind, object.metadata)))
    .map(({ kind, object: { metadata } }) => ({ kind, namespace: metadata.namespace ?? '', name: metadata.name }));
}

/** Every live object of the kinds that grant or refuse something, whoever made it. */
export async function livePolicies(
  access: Pick<ClusterAccess, 'customObjects'>,
): Promise<readonly { readonly kind: string; readonly object: LiveObject }[]> {
  const live = await Promise.all(
    prunedKinds.map(async ({ group, plural, kind }) =>
      (await access.customObjects(group, plural)).map((object) => ({ kind, object: object as LiveObject })),
    ),
  );
  return live.flat();
}

/** Deletes abandoned objects; resolves to their names. */
export async function pruneAbandoned(
  {
    access,
    kubectl,
  }: { readonly access: Pick<ClusterAccess, 'customObjects'>; readonly kubectl: Pick<Kubectl, 'remove'> },
  applied: readonly KubernetesObject[],
): Promise<readonly string[]> {
  const gone = abandoned(await livePolicies(access), applied);
  const versions = new Map(prunedKinds.map(({ group, kind }) => [kind as string, `${group}/v1`]));
  for (const { kind, namespace, name } of gone)
    await kubectl.remove({ apiVersion: versions.get(kind) ?? '', kind, metadata: { namespace, name } });
  return gone.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);
}
