/**
 * The model of SPIRE's registrations: which pods get which SPIFFE ID, where SPIRE issues the certificates of a mesh.
 * Source: spire-controller-manager, `api/v1alpha1` and `pkg/spireentry`.
 */
import type { LabelSelector, Named } from './mesh.ts';

/** A ClusterSPIFFEID, or a ClusterStaticEntry, which selects processes without regard to pods. */
export interface Registration extends Named {
  readonly kind: 'ClusterSPIFFEID' | 'ClusterStaticEntry';
  /** '' where none is named. */
  readonly className: string;
  /** The SPIFFE ID, or what it is made of for each pod. */
  readonly id: readonly IdPiece[];
  /** Both select everything where they are left out. */
  readonly pods: LabelSelector;
  readonly namespaces: LabelSelector;
  /** All of them hold for a process that gets the ID. */
  readonly processes: readonly ProcessSelector[];
  /** Whether it counts only for pods that no other registration selects. */
  readonly isFallback: boolean;
  /** What its holders may do besides: register identities at the server, or sign them with an authority of their own. */
  readonly powers: readonly ('admin' | 'downstream')[];
}

/** A part of a SPIFFE ID; `anything` is an expression that is not read. */
export type IdPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'trustDomain' | 'clusterName' | 'clusterDomain' | 'namespace' | 'account' | 'podName' }
  /** A label's value; where the pod has no such label, nothing with `empty`, and no ID at all with `fails`. */
  | { readonly kind: 'label'; readonly key: string; readonly absent: 'empty' | 'fails' }
  | { readonly kind: 'anything'; readonly expression: string };

/** One selector of the workload attestor; `value` of a template may depend on the pod. */
export type ProcessSelector =
  | { readonly kind: 'namespace' | 'account' | 'podName'; readonly value: readonly IdPiece[] }
  | { readonly kind: 'podLabel'; readonly key: string; readonly value: readonly IdPiece[] }
  /** Which process of a pod, not which pod. */
  | { readonly kind: 'container'; readonly name: string }
  /** True of any pod that wants it so: `unix:uid:1000`, images. */
  | { readonly kind: 'claim'; readonly text: string }
  | { readonly kind: 'unread'; readonly text: string };

/** The settings of one SPIRE controller manager: which registrations it serves, and for which pods. */
export interface IdentityIssuer extends Named {
  readonly className: string;
  readonly servesClassless: boolean;
  /** Regular expressions; pods of namespaces that one of them finds get nothing. */
  readonly ignoredNamespaces: readonly string[];
  readonly clusterName: string;
  readonly clusterDomain: string;
}
