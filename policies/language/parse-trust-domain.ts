/** Trust domain rewriting of principals and trust domains. Source: semantics.md 3.10; istio `authz/trustdomain`. */
import type { MeshConfig } from './mesh.ts';

type Bundle = Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases'>;

/**
 * The principals that stand for `text` under the trust domain and its aliases. Only values of exactly five segments
 * whose first is not `*` are rewritten, and only when that segment covers a member of the bundle or is `cluster.local`.
 */
export function expandPrincipal(text: string, bundle: Bundle): readonly string[] {
  const { trustDomain, trustDomainAliases } = bundle;
  if (trustDomainAliases.length === 0 && text.startsWith(`${trustDomain}/`)) return [text];
  const segments = text.split('/');
  const first = segments[0] ?? '';
  if (segments.length !== 5 || first === '*') return [text];
  const members = [bundle.trustDomain, ...bundle.trustDomainAliases];
  if (first !== 'cluster.local' && !members.some((member) => covers(first, member))) return [text];
  const rest = segments.slice(1).join('/');
  const expanded = members.map((member) =>
    first.startsWith('*') && covers(first, member) ? text : `${member}/${rest}`,
  );
  return [...new Set(expanded)];
}

/** The trust domains that stand for `text`: every member of the bundle when it names one. */
export function expandTrustDomain(text: string, bundle: Bundle): readonly string[] {
  const members = [bundle.trustDomain, ...bundle.trustDomainAliases];
  return members.includes(text) ? [...new Set(members)] : [text];
}

function covers(segment: string, trustDomain: string): boolean {
  if (segment.startsWith('*')) return trustDomain.endsWith(segment.slice(1));
  if (segment.endsWith('*')) return trustDomain.startsWith(segment.slice(0, -1));
  return segment === trustDomain;
}
