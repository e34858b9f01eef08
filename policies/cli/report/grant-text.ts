/** Grants in words, the same in every report. */
import type { OpenPorts } from '../../analysis/compare/open-ports.ts';
import type { OutsideWay } from '../../analysis/compare/outside.ts';
import type { ReachGrant } from '../../analysis/compare/reach.ts';

/** Who calls: a workload, else the identity, pattern or certificate, else plaintext. */
export function callerText({ source }: Pick<ReachGrant, 'source'>): string {
  if (source.kind === 'certificate') return `a certificate with ${source.principal}`;
  return source.kind === 'workload' ? `${source.namespace}/${source.workload}` : (source.principal ?? 'plaintext');
}

/** What is called: `namespace/workload:port`. */
export function calleeText({ destination }: Pick<ReachGrant, 'destination'>): string {
  return `${destination.namespace}/${destination.workload}:${destination.port}`;
}

/** Method and path, or that the bytes do not matter. */
export function callText({ http }: Pick<ReachGrant, 'http'>): string {
  return http === null ? 'any bytes' : `${http.method} ${http.path}`;
}

/** One grant in one line. */
export function grantText(grant: ReachGrant): string {
  const where = grant.conditions.length === 0 ? '' : ` if ${grant.conditions.join(', ')}`;
  return `${callerText(grant)} -> ${calleeText(grant)} ${callText(grant)}${where}`;
}

/** The proxy's own ports of a workload, with whom the network lets connect, in one line. */
export function openPortsText({ destination, ports, admittedBy }: OpenPorts): string {
  const place = `${destination.namespace}/${destination.workload}:${ports.join(',')}`;
  if (admittedBy === null) return `${place} from everybody: no NetworkPolicy isolates the pod`;
  const rules = admittedBy.map(({ policy, rule }) => `NetworkPolicy ${policy}, ingress rule ${rule}`);
  return `${place} from whom ${rules.join(' or ')} admits`;
}

/** One way from outside in one line. */
export function outsideText({ gateway, http, conditions, kind, via, destination }: OutsideWay): string {
  const end =
    destination.kind === 'workload'
      ? `${destination.namespace}/${destination.workload}:${destination.port}`
      : `${destination.host}:${destination.port}, of which the manifests know nothing`;
  const route = via === null ? '' : ` by ${via.virtualService} route ${via.route}`;
  const where = conditions.length === 0 ? '' : ` if ${conditions.join(', ')}`;
  const call = `${callText({ http })} -> ${gateway.namespace}/${gateway.workload}:${gateway.port}`;
  return `${call} -> ${kind === 'copy' ? 'a copy to ' : ''}${end}${route}${where}`;
}
