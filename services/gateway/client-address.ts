import ipaddr from 'ipaddr.js';

/** The bits of an IPv6 address that name one customer's network; the rest is the customer's to choose. */
const networkBits = 64;

/**
 * The key under which the client at the end of `x-forwarded-for` is counted: its IPv4 address, or its IPv6 network.
 * Shape: `1.2.3.4, 2001:db8:1:2::9` gives `2001:db8:1:2::/64`. Only the last entry counts: the ingress proxy wrote it, the
 * ones before it are whatever the client claimed. Whoever has no readable address shares the key `unknown`.
 */
export function clientKeyOf(forwardedFor: string | readonly string[] | undefined): string {
  const entries = typeof forwardedFor === 'string' ? [forwardedFor] : (forwardedFor ?? []);
  const last = entries.join(',').split(',').at(-1)?.trim() ?? '';
  if (!ipaddr.isValid(last)) return 'unknown';
  const address = ipaddr.process(last);
  if (address.kind() === 'ipv4') return address.toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${networkBits}`).toString()}/${networkBits}`;
}
