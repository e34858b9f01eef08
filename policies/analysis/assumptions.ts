/** What could change a workload's verdicts and is not modelled. */
import type { Mesh, Unmodelled, Workload } from '../language/mesh.ts';
import { isAmbient, NOT_EXECUTED } from './ambient/capture.ts';
import { type Attached, attachedToAny, entrancesBefore, entriesByAddress, waypointText } from './ambient/waypoints.ts';
import { applicable, GATEWAY_NAME, holdsLabels, tokenRulesOf } from './attachment.ts';
import { injectionOf } from './injection.ts';
import { tokenHeaderAssumptions } from './token-headers.ts';

const OPAQUE_KINDS: ReadonlySet<string> = new Set(['EnvoyFilter', 'WasmPlugin']);

/** The assumptions of every verdict at this workload. */
export function assumptionsOf(mesh: Mesh, workload: Workload): readonly string[] {
  if (isAmbient(mesh, workload)) return ambientAssumptions(mesh, workload);
  const policies = applicable(mesh.authorizationPolicies, mesh, workload);
  const opaque = applicable(
    mesh.unmodelled.filter((document) => OPAQUE_KINDS.has(document.kind)),
    mesh,
    workload,
  );
  return [
    ...opaque.map(harmless),
    ...injectionAssumptions(mesh, workload),
    ...tokenHeaderAssumptions(policies, () => tokenRulesOf(mesh, workload)),
    ...gatewayApiAssumptions(mesh, workload),
    ...gatewayAssumptions(mesh, workload),
  ];
}

/** Only gateways' proxies read Gateways: a selector that fits an application's pod does nothing to its sidecar. */
function gatewayAssumptions(mesh: Mesh, { namespace, name, labels, proxy }: Workload): readonly string[] {
  if (proxy === 'gateway') return [];
  const selecting = mesh.gateways.filter(({ selector }) => holdsLabels(labels, selector));
  if (selecting.length === 0) return [];
  const names = selecting.map((each) => `\`${each.namespace}/${each.name}\``).toSorted();
  return [`\`${namespace}/${name}\` is a gateway, as Gateway ${names.join(', ')} takes it for, not an application`];
}

const GATEWAY_API_ROUTES: ReadonlySet<string> = new Set(['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute']);

/** Gateways of the Gateway API: what their routes carry is not read, and counts as let in where policies let it in. */
function gatewayApiAssumptions(mesh: Mesh, { labels }: Workload): readonly string[] {
  if (labels[GATEWAY_NAME] === undefined) return [];
  return mesh.unmodelled
    .filter(({ kind }) => GATEWAY_API_ROUTES.has(kind))
    .map(({ kind, namespace, name }) => `${kind} \`${namespace}/${name}\` carries whatever policies let in`);
}

/** ztunnel takes no extensions and reads no metadata; a waypoint is an Envoy like any other. */
function ambientAssumptions(mesh: Mesh, workload: Workload): readonly string[] {
  const entrances = entrancesBefore(mesh, workload);
  const at = <T extends Attached>(objects: readonly T[]): readonly T[] => attachedToAny(objects, mesh, entrances);
  const policies = at(mesh.authorizationPolicies);
  const opaque = at(mesh.unmodelled.filter((document) => OPAQUE_KINDS.has(document.kind)));
  return [
    ...injectionAssumptions(mesh, workload),
    ...opaque.map(harmless),
    ...entriesByAddress(mesh).map((each) => elsewhere(each, workload)),
    ...tokenHeaderAssumptions(policies, () => at(mesh.requestAuthentications).flatMap(({ rules }) => rules)),
  ];
}

const elsewhere = (
  { entry, waypoint }: ReturnType<typeof entriesByAddress>[number],
  { namespace, name }: Workload,
): string =>
  `no endpoint of ServiceEntry \`${entry.namespace}/${entry.name}\` behind ${waypointText(waypoint)} is a pod of \`${namespace}/${name}\``;

const harmless = ({ kind, namespace, name }: Unmodelled): string =>
  `${kind} \`${namespace}/${name}\` does not change the verdict`;

/** Annotations that take traffic from the proxy by address or interface, which manifests do not show. */
const BY_ADDRESS = ['excludeOutboundIPRanges', 'includeOutboundIPRanges', 'excludeInterfaces'] as const;

function interceptionAssumptions({ namespace, name, annotations }: Workload): readonly string[] {
  return BY_ADDRESS.filter((annotation) => {
    const value = annotations[`traffic.sidecar.istio.io/${annotation}`]?.trim() ?? '';
    return value !== '' && value !== '*';
  }).map((annotation) => `${annotation} of \`${namespace}/${name}\` leaves the call with the proxy`);
}

/** The assumptions that a workload's traffic meets a sidecar: that there is one, and that annotations by address spare it. */
export function injectionAssumptions(mesh: Mesh, workload: Workload): readonly string[] {
  const name = `\`${workload.namespace}/${workload.name}\``;
  if (isAmbient(mesh, workload)) return [`${name} is ambient: ${NOT_EXECUTED}`];
  const injection = injectionOf(mesh, workload);
  if (injection === 'off') return [];
  const unstated = injection === 'unstated' ? [`a sidecar is injected into ${name}: no label says so`] : [];
  return [...unstated, ...interceptionAssumptions(workload)];
}
