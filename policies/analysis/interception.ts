/**
 * Which inbound connections of a pod are redirected to its sidecar. What is not redirected meets neither mTLS nor rules:
 * NetworkPolicy alone stands before it. Source: istio `injection-template.yaml` (`istio-iptables -b … -d …`),
 * `tools/istio-iptables/pkg/capture` (`handleInboundPortsInclude`), `cni/pkg/plugin` (`newRedirect`).
 */
import type { Workload } from '../language/mesh.ts';

/** Whether a port's connections go through the sidecar, and whose port it is otherwise. */
export type Interception =
  | { readonly kind: 'redirected' }
  | { readonly kind: 'passedBy'; readonly whose: 'proxy' | 'application'; readonly because: string };

/** The tunnel of ambient: never redirected, whatever the annotations say. */
const TUNNEL = 15008;
/** Merged metrics and rewritten probes; health of the proxy; metrics of Envoy. */
const STATUS = 15020;
const HEALTH = 15021;
const ENVOY_METRICS = 15090;

/** The ports that the proxy serves itself in every pod, past its own filters. */
export const PROXY_PORTS: readonly number[] = [TUNNEL, STATUS, HEALTH, ENVOY_METRICS];

const traffic = (name: string): string => `traffic.sidecar.istio.io/${name}`;

/** The annotation of the ports to leave out. */
const EXCLUDE_INBOUND = traffic('excludeInboundPorts');
/** The annotation of the ports to redirect: `*`, a list, or nothing. */
const INCLUDE_INBOUND = traffic('includeInboundPorts');

/** Decides about one port of a workload that has a sidecar. A list of ports to redirect overrides every exclusion. */
export function interceptionOf(workload: Workload, port: number): Interception {
  if (interceptsNothing(workload)) return application('interception mode NONE redirects nothing to the sidecar');
  if (port === TUNNEL) return proxy(port);
  const included = includedPorts(workload);
  if (included !== 'all') {
    if (included.includes(port)) return { kind: 'redirected' };
    return isProxyPort(workload, port)
      ? proxy(port)
      : application(`port ${port} is not among the ports that includeInboundPorts redirects`);
  }
  if (isProxyPort(workload, port)) return proxy(port);
  if (listed(workload, EXCLUDE_INBOUND).includes(String(port)))
    return application(`port ${port} is excluded from interception`);
  return { kind: 'redirected' };
}

/** True iff connections to that port leave a pod beside its sidecar. istio-cni leaves the status port out as well. */
export function leavesAround(source: Workload, port: number): boolean {
  return (
    interceptsNothing(source) ||
    port === STATUS ||
    listed(source, traffic('excludeOutboundPorts')).includes(String(port))
  );
}

/** The ports that the workload's proxy serves itself: the usual ones, and a status port of its own. */
export function proxyPortsOf(workload: Workload): readonly number[] {
  const own = Number(workload.annotations['status.sidecar.istio.io/port'] ?? STATUS);
  return isPort(own) && !PROXY_PORTS.includes(own) ? [...PROXY_PORTS, own] : PROXY_PORTS;
}

/** The ports that annotations speak of, so that each is looked at on its own. */
export function annotatedPorts(workload: Workload): readonly number[] {
  const included = includedPorts(workload);
  return [...listed(workload, EXCLUDE_INBOUND).map(Number), ...(included === 'all' ? [] : included)].filter(isPort);
}

function isProxyPort(workload: Workload, port: number): boolean {
  return proxyPortsOf(workload).includes(port);
}

/** True iff neither what comes to the pod nor what leaves it is redirected. */
export function interceptsNothing({ annotations }: Workload): boolean {
  return annotations['sidecar.istio.io/interceptionMode'] === 'NONE';
}

/** The items of a comma-separated annotation. */
export function listed(workload: Workload, annotation: string): readonly string[] {
  return (workload.annotations[annotation] ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function includedPorts(workload: Workload): 'all' | readonly number[] {
  const annotation = workload.annotations[INCLUDE_INBOUND]?.trim();
  return annotation === undefined || annotation === '*' ? 'all' : listed(workload, INCLUDE_INBOUND).map(Number);
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536;

const application = (because: string): Interception => ({ kind: 'passedBy', whose: 'application', because });

function proxy(port: number): Interception {
  return {
    kind: 'passedBy',
    whose: 'proxy',
    because: `port ${port} is the proxy's own and not intercepted: only NetworkPolicy guards it`,
  };
}
