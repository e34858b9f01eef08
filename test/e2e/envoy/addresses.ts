/** Which addresses this machine lets anybody bind: all of 127.0.0.0/8, `::1`, and more where routes make more local. */
import { createServer } from 'node:net';

const isBindable = (host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(true)));
  });

/** `any`: every IPv6 address is local, as in a network namespace with such a route; `loopback`: only `::1` is. */
export type Ipv6 = 'any' | 'loopback' | 'none';

/** What IPv6 this machine offers. */
export async function ipv6Here(): Promise<Ipv6> {
  if (await isBindable('2001:db8::1')) return 'any';
  return (await isBindable('::1')) ? 'loopback' : 'none';
}

/** The address at which the workload with the number `index` of the set in `slot` is served: one in five is IPv6. */
export function servedAddress(ipv6: Ipv6, slot: number, index: number): string {
  if (ipv6 === 'any' && slot % 5 === 4) return `2001:db8:${slot.toString(16)}::${(index + 11).toString(16)}`;
  if (ipv6 === 'loopback' && slot === 0 && index === 0) return '::1';
  return `127.${slot % 2 === 0 ? 1 : 3}.${slot}.${index + 11}`;
}
