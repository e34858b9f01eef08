import { ApiObject, Lazy } from 'cdk8s';
import type { Construct } from 'constructs';
import { declaredAt } from '#services/runtime/declaration.ts';
import type { Labels } from './peer.ts';

/** What every object that synthesis writes says about itself. */
export interface ObjectIdentity {
  readonly name: string;
  /** @default - the chart's namespace */
  readonly namespace?: string;
  /** @default - none */
  readonly labels?: Labels;
  /** @default - none */
  readonly annotations?: Labels;
}

/** The kinds of this product that cdk8s has no types for, with their API versions. */
const apiVersions = {
  AuthorizationPolicy: 'security.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
  RequestAuthentication: 'security.istio.io/v1',
  Sidecar: 'networking.istio.io/v1',
  VirtualService: 'networking.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
  ServiceEntry: 'networking.istio.io/v1',
  Gateway: 'networking.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  PodDisruptionBudget: 'policy/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
  Namespace: 'v1',
  ServiceAccount: 'v1',
  Service: 'v1',
  ConfigMap: 'v1',
  Role: 'rbac.authorization.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
} as const;

/** A kind that `renderObject` can write. */
export type RenderedKind = keyof typeof apiVersions;

/** The annotation that says which lines of source code an object comes from. */
export const sourceAnnotation = 'meshwright.dev/source';

/** What verdicts and findings are about: such an object says which line made it, where it names no declarations. */
const judged: ReadonlySet<RenderedKind> = new Set([
  'AuthorizationPolicy',
  'PeerAuthentication',
  'RequestAuthentication',
  'NetworkPolicy',
  'Sidecar',
]);

/** A value that is worked out at synthesis, after every edge is known. */
export function atSynthesis<T>(produce: () => T): T {
  return Lazy.any({ produce }) as T;
}

/** Adds one object; `body` holds `spec` (or `data`) and may contain values of `atSynthesis`. */
export function renderObject(
  scope: Construct,
  id: string,
  object: {
    readonly kind: RenderedKind;
    readonly metadata: ObjectIdentity;
    readonly body: Readonly<Record<string, unknown>>;
  },
): ApiObject {
  const { kind, metadata, body } = object;
  const annotations = judged.has(kind) ? { [sourceAnnotation]: declaredAt(1), ...metadata.annotations } : undefined;
  const own = annotations === undefined ? metadata : { ...metadata, annotations };
  return new ApiObject(scope, id, { apiVersion: apiVersions[kind], kind, metadata: own, ...body });
}
