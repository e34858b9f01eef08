/** Host names as Gateways and VirtualServices write them, and as Envoy compares them. */
import type { Request } from '../request.ts';

/** True iff every name that `inner` covers is covered by `outer`. Source: istio `host.Name.SubsetOf`. */
export function isCoveredBy(inner: string, outer: string): boolean {
  if (inner.startsWith('*')) {
    return outer.startsWith('*') && inner.length >= outer.length && inner.slice(1).endsWith(outer.slice(1));
  }
  return outer.startsWith('*') ? inner.endsWith(outer.slice(1)) : inner === outer;
}

/** The names that both lists cover. Source: istio `host.Names.Intersection`. */
export function commonHosts(left: readonly string[], right: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const one of left) {
    for (const other of right) {
      if (isCoveredBy(one, other)) found.add(one);
      else if (isCoveredBy(other, one)) found.add(other);
    }
  }
  return [...found];
}

/** The hosts of a server that VirtualServices of a namespace may serve. Source: istio `host.NamesForNamespace`. */
export function hostsFor(hosts: readonly string[], namespace: string): readonly string[] {
  return hosts.flatMap((host) => {
    const [scope, name] = host.split('/');
    if (name === undefined) return [host];
    return scope === namespace || scope === '*' ? [name] : [];
  });
}

/** A host of a server without the namespaces that it is for. */
export function withoutScope(host: string): string {
  return host.slice(host.indexOf('/') + 1);
}

/** A host as `:authority` has it, without its port and in lower case. Source: Envoy `HeaderUtility::getPortStart`. */
export function bareHost(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return (colon < 0 || authority.lastIndexOf(']') > colon ? authority : authority.slice(0, colon)).toLowerCase();
}

/** The SNI of a request, in lower case: clients name the host that they ask for, and requests seldom say so. */
export function serverNameIn({ sni, http }: Pick<Request, 'sni' | 'http'>): string {
  return sni === '' && http !== null ? bareHost(http.host) : sni.toLowerCase();
}

/** How well a domain of Envoy fits a host: the longer the better, exact best; null where it does not. */
export function fitOf(domain: string, host: string): number | null {
  if (domain === '*') return 0;
  if (domain.startsWith('*'))
    return host.length >= domain.length && host.endsWith(domain.slice(1)) ? domain.length : null;
  return domain === host ? Number.POSITIVE_INFINITY : null;
}

/** As `fitOf`, for the name of a TLS connection: to Envoy's listener `*.x` is also `.x`. Source: Envoy `FilterChainManagerImpl`. */
export function serverFitOf(domain: string, name: string): number | null {
  if (domain === '*') return 0;
  if (domain.startsWith('*')) return name.endsWith(domain.slice(1)) ? domain.length : null;
  return domain === name ? Number.POSITIVE_INFINITY : null;
}

/** The candidate whose best domain fits best; undefined where none fits. */
export function tryFindBest<T>(
  candidates: readonly T[],
  domainsOf: (candidate: T) => readonly string[],
  fitting: (domain: string) => number | null,
): T | undefined {
  let best: { readonly fit: number; readonly candidate: T } | undefined;
  for (const candidate of candidates) {
    for (const domain of domainsOf(candidate)) {
      const own = fitting(domain);
      if (own !== null && (best === undefined || own > best.fit)) best = { fit: own, candidate };
    }
  }
  return best?.candidate;
}
