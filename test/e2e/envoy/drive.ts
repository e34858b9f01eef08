import type { CertificateAuthority } from './credentials.ts';
import { HttpConnection, type Seen, type Sending, sendRaw } from './probe.ts';
import type { RequestJson } from './request-json.ts';
import type { TokenMint } from './tokens.ts';

/** What requests need to go out. */
export interface Driver {
  readonly authority: CertificateAuthority;
  readonly tokens: TokenMint;
  /** True iff the port carries HTTP when the client speaks it; on other ports a request's `http` is payload. */
  readonly carriesHttp: (port: number) => boolean;
}

/** A request, and whether its certificate has expired. */
export interface Probe {
  readonly request: RequestJson;
  readonly validity?: 'valid' | 'expired';
}

const connectionsAtOnce = 16;

async function sendingOf(driver: Driver, { request, validity }: Probe): Promise<Sending> {
  const { principal } = request.source;
  return {
    request,
    form: request.http !== null && driver.carriesHttp(request.destination.port) ? 'http' : 'raw',
    certificate: principal === null ? null : await driver.authority.certificate(principal, validity ?? 'valid'),
    token: request.jwt === null ? null : await driver.tokens.sign(request.jwt),
  };
}

/** Requests of one group share a connection: same caller, same port; whatever ends a connection has its own. */
function groupOf({ request, form }: Sending, index: number): string {
  const breaks = form === 'raw' || request.http === null || !request.http.path.startsWith('/');
  const { principal, ip } = request.source;
  return breaks ? String(index) : JSON.stringify([principal, ip, request.destination, request.sni]);
}

async function sendGroup(group: readonly { readonly index: number; readonly sending: Sending }[], seen: Seen[]) {
  const first = group[0]?.sending;
  if (first === undefined) return;
  if (first.form === 'raw') {
    seen[group[0]?.index ?? 0] = await sendRaw(first);
    return;
  }
  const connection = new HttpConnection(first);
  for (const { index, sending } of group) seen[index] = await connection.send(sending);
  connection.close();
}

/** Sends all requests over as few connections as their callers allow; the result is in their order. */
export async function drive(driver: Driver, probes: readonly Probe[]): Promise<readonly Seen[]> {
  const groups = new Map<string, { index: number; sending: Sending }[]>();
  for (const [index, probe] of probes.entries()) {
    const sending = await sendingOf(driver, probe);
    const key = `${probe.validity ?? 'valid'} ${groupOf(sending, index)}`;
    const group = groups.get(key) ?? [];
    group.push({ index, sending });
    groups.set(key, group);
  }
  const seen: Seen[] = [];
  const queue = groups.values();
  const work = async () => {
    for (const group of queue) await sendGroup(group, seen);
  };
  await Promise.all(Array.from({ length: connectionsAtOnce }, work));
  return seen;
}
