/** Which objects apply to which workload. Source: semantics.md 3.1 and 4; istio `model.ListAuthorizationPolicies`. */
import type { Attachment } from '../language/authorization.ts';
import type {
  JwtRule,
  LabelExpression,
  LabelSelector,
  Labels,
  Mesh,
  RequestAuthentication,
  Workload,
} from '../language/mesh.ts';
import { inNamespace, perhapsSelecting } from './namespaced.ts';

/** True iff every wanted label is there with that value. */
export function holdsLabels(labels: Labels, wanted: Labels): boolean {
  for (const key of Object.keys(wanted)) if (labels[key] !== wanted[key]) return false;
  return true;
}

/** True iff a Kubernetes selector selects the labels. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  return (
    holdsLabels(labels, selector.labels) && selector.expressions.every((expression) => satisfies(expression, labels))
  );
}

/** The value of a label, undefined where there is none: `constructor` is a label like any other. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** True iff the labels meet one requirement of a selector. */
export function satisfies(expression: LabelExpression, labels: Labels): boolean {
  const value = labelOf(labels, expression.key);
  switch (expression.operator) {
    case 'In':
      return value !== undefined && expression.values.includes(value);
    case 'NotIn':
      return value === undefined || !expression.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** What `applicable` needs of an object. */
interface Attached {
  readonly namespace: string;
  readonly attachment: Attachment;
}

/** The objects of the root namespace and of the workload's own that apply to it, root namespace first, each once. */
export function applicable<T extends Attached>(objects: readonly T[], mesh: Mesh, workload: Workload): readonly T[] {
  const found: T[] = [];
  for (const namespace of new Set([mesh.config.rootNamespace, workload.namespace]))
    for (const object of perhapsSelecting(inNamespace(objects, namespace), workload.labels, wantedLabels))
      if (isAttached(object, workload)) found.push(object);
  return found;
}

const wantedLabels = ({ attachment }: Attached): Labels | undefined =>
  attachment.kind === 'selector' ? attachment.labels : undefined;

/** The label of pods that run a Gateway of the Gateway API. */
export const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

function isAttached(object: Attached, workload: Workload): boolean {
  switch (object.attachment.kind) {
    case 'wholeNamespace':
      return true;
    case 'selector':
      return holdsLabels(workload.labels, object.attachment.labels);
    case 'targetRefs':
      return object.attachment.refs.some(
        (ref) =>
          ref.kind === 'Gateway' &&
          object.namespace === workload.namespace &&
          ref.name === workload.labels[GATEWAY_NAME],
      );
  }
}

/** True iff the workload is a gateway: its ports but those of its servers are not intercepted. */
export function isGateway({ gateways }: Pick<Mesh, 'gateways'>, { labels }: Workload): boolean {
  return gateways.some(({ selector }) => holdsLabels(labels, selector));
}

/** The RequestAuthentications of a workload, in the order in which istiod looks at them. */
export function authenticationsOf(mesh: Mesh, workload: Workload): readonly RequestAuthentication[] {
  return applicable(mesh.requestAuthentications, mesh, workload).toSorted(byAge);
}

/** The rules for tokens that hold for a workload. */
export function tokenRulesOf(mesh: Mesh, workload: Workload): readonly JwtRule[] {
  return authenticationsOf(mesh, workload).flatMap(({ rules }) => rules);
}

/** Compares by age, then namespace, then name: the order in which istiod looks at competing objects. */
export function byAge(
  left: { readonly createdAt: string; readonly namespace: string; readonly name: string },
  right: { readonly createdAt: string; readonly namespace: string; readonly name: string },
): number {
  return (
    compare(left.createdAt, right.createdAt) ||
    compare(left.namespace, right.namespace) ||
    compare(left.name, right.name)
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
