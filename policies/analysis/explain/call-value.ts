/** What a call has in the place that a clause reads, as text. */
import type { Clause } from '../../language/authorization.ts';
import type { Address } from '../request.ts';
import { type Facts, type HttpFacts, metadataAt } from '../rules.ts';
import { unreachable } from '../unreachable.ts';

/** The call's value for a clause, null when the call has nothing there. */
export function callValue(clause: Clause, facts: Facts): string | null {
  switch (clause.on) {
    case 'peer':
      return facts.identities?.join(', ') ?? null;
    case 'address':
      return addressText(
        { source: facts.sourceIp, remote: facts.remoteIp, destination: facts.destinationIp }[clause.of],
      );
    case 'port':
      return String(facts.port);
    case 'sni':
      return facts.sni;
    case 'metadata': {
      const value = metadataAt(facts.metadata, `envoy.filters.${clause.filter}`, clause.key);
      return typeof value === 'object' ? value.join(', ') : (value ?? null);
    }
    case 'unknownKey':
      return null;
    default:
      return facts.http === null ? null : httpValue(clause, facts.http);
  }
}

type HttpClause = Extract<Clause, { on: 'host' | 'method' | 'path' | 'header' | 'claim' | 'requestPrincipal' }>;

function httpValue(clause: HttpClause, http: HttpFacts): string | null {
  switch (clause.on) {
    case 'host':
      return http.host;
    case 'method':
      return http.method;
    case 'path':
      return http.path;
    case 'header':
      return http.headers.get(clause.name)?.join(', ') ?? null;
    case 'claim':
      return claimText(clause.path.reduce<unknown>(member, http.claims));
    case 'requestPrincipal':
      // a claim that is split into words is a list, and makes no principal
      return http.claims === null || Array.isArray(http.claims['iss']) || Array.isArray(http.claims['sub'])
        ? null
        : `${claimText(http.claims['iss']) ?? ''}/${claimText(http.claims['sub']) ?? ''}`;
    default:
      return unreachable(clause);
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function claimText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return value.map(String).join(' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Writes an address as people do; IPv6 in its long form. */
/** An address as people write it, null for none. */
export function addressText(address: Address | null): string | null {
  if (address === null) return null;
  if (address.length === 1) return [24, 16, 8, 0].map((shift) => ((address[0] ?? 0) >>> shift) & 255).join('.');
  return address
    .flatMap((word) => [(word >>> 16) & 0xffff, word & 0xffff])
    .map((part) => part.toString(16))
    .join(':');
}
