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
  /**
   * What becomes of a request that can but have the answer of another one: the same connection without HTTP, or a
   * further request of a caller whose connections to that port were refused twice.
   */
  readonly repeats: 'sent' | 'unsent';
}

/** A request, and whether its certificate has expired. */
export interface Probe {
  readonly request: RequestJson;
  readonly validity?: 'valid' | 'expired';
}

interface Member {
  readonly index: number;
  readonly sending: Sending;
}

const connectionsAtOnce = 48;
const streamsAtOnce = 100;
/** Refused connections after which `repeats` decides. */
const refusalsEnough = 2;

async function sendingOf(driver: Driver, { request, validity }: Probe): Promise<Sending> {
  const { principal } = request.source;
  return {
    request,
    form: request.http !== null && driver.carriesHttp(request.destination.port) ? 'http' : 'raw',
    certificate: principal === null ? null : await driver.authority.certificate(principal, validity ?? 'valid'),
    token: request.jwt === null ? null : await driver.tokens.sign(request.jwt),
  };
}

/**
 * Requests of one group share a connection: same caller, same port. Whatever ends a connection has its own: foreign
 * bytes, and a path without a leading slash.
 */
function groupOf({ request, form }: Sending): string {
  const { principal, ip } = request.source;
  const caller = JSON.stringify([form, principal, ip, request.destination, request.sni]);
  return form === 'http' && request.http?.path.startsWith('/') === false ? `${caller} ${request.http.path}` : caller;
}

/** Sends one after another, each on a connection of its own; `unsent` repeats are left out. */
async function sendApart(group: readonly Member[], { repeats }: Driver, seen: Seen[]): Promise<void> {
  for (const [position, { index, sending }] of group.entries())
    seen[index] = position > 0 && repeats === 'unsent' ? { kind: 'unsent' } : await sendRaw(sending);
}

/** Answers in the order of the members; at most `streamsAtOnce` are under way. */
async function sendTogether(connection: HttpConnection, members: readonly Member[]): Promise<readonly Seen[]> {
  const answers: Seen[] = [];
  const queue = members.entries();
  const work = async () => {
    for (const [position, { sending }] of queue) answers[position] = await connection.send(sending);
  };
  await Promise.all(Array.from({ length: Math.min(streamsAtOnce, members.length) }, work));
  return answers;
}

/**
 * Sends the first request alone, since it tells whether the connection is accepted, then the rest at once. What had no
 * answer when a connection ended is asked again on the next one, so that nobody takes the blame for a neighbour.
 */
async function sendShared(group: readonly Member[], { repeats }: Driver, seen: Seen[]): Promise<void> {
  let refusals = 0;
  let waiting = group;
  for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
    if (refusals >= refusalsEnough && repeats === 'unsent') {
      for (const { index } of waiting) seen[index] = { kind: 'unsent' };
      return;
    }
    const others = waiting.slice(1);
    const connection = new HttpConnection(first.sending);
    const answer = await connection.send(first.sending);
    seen[first.index] = answer;
    if (answer.kind === 'answered') refusals = Number.NEGATIVE_INFINITY;
    else refusals += 1;
    const answers = answer.kind === 'answered' ? await sendTogether(connection, others) : [];
    for (const [position, { index }] of others.entries()) seen[index] = answers[position] ?? { kind: 'unsent' };
    waiting = others.filter((_, position) => answers[position]?.kind !== 'answered');
    connection.close();
  }
}

/** Sends all requests over as few connections as their callers allow; the result is in their order. */
export async function drive(driver: Driver, probes: readonly Probe[]): Promise<readonly Seen[]> {
  const groups = new Map<string, Member[]>();
  for (const [index, probe] of probes.entries()) {
    const sending = await sendingOf(driver, probe);
    const key = `${probe.validity ?? 'valid'} ${groupOf(sending)}`;
    const group = groups.get(key) ?? [];
    group.push({ index, sending });
    groups.set(key, group);
  }
  const seen: Seen[] = [];
  const queue = groups.values();
  const work = async () => {
    for (const group of queue) {
      const send = group[0]?.sending.form === 'raw' ? sendApart : sendShared;
      await send(group, driver, seen);
    }
  };
  await Promise.all(Array.from({ length: connectionsAtOnce }, work));
  return seen;
}
