import ipaddr from 'ipaddr.js';

/** True iff `text` is a plain IPv4 or IPv6 address as Go's `netip.ParseAddr` takes it: no short or octal forms. */
export function isIpAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && ipaddr.IPv6.isValid(text));
}

/** True iff `text` is an address with a prefix length as Go's `netip.ParsePrefix` takes it: no zone, no leading zero. */
export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits) || address.includes('%')) return false;
  return isIpAddress(address) && Number(bits) <= (address.includes(':') ? 128 : 32);
}

/** True iff every address of `inner` is one of `outer` and not the other way round; both are CIDR ranges. */
export function isInside(inner: string, outer: string): boolean {
  const [address, bits] = ipaddr.parseCIDR(inner);
  const range = ipaddr.parseCIDR(outer);
  return address.kind() === range[0].kind() && bits > range[1] && address.match(range);
}
