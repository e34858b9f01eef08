/** Where a server listens, or an upstream is reached. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Parses `unix:/absolute/path` or `host:port` (IPv6 hosts in brackets); undefined when the text is neither. */
export function tryParseAddress(text: string): Address | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path.startsWith('/') && path.length > 1 ? { kind: 'unix', path } : undefined;
  }
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const port = Number(match[2]);
  return port <= 65535 ? { kind: 'tcp', host: match[1].replace(/^\[|\]$/g, ''), port } : undefined;
}

/** Prints an address in the form that `tryParseAddress` reads and gRPC dials. */
export function printAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
