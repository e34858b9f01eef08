import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttps } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority } from '#infra/local/authority.ts';
import { writeIdentity } from '#infra/local/identity-files.ts';
import type { OpenPort } from '#infra/local/inbound.ts';
import { type ProbeIdentity, probeTcp } from '#infra/local/probe.ts';
import { startSidecar } from '#infra/local/sidecar.ts';
import type { SidecarConfiguration } from '#infra/local/sidecar-configuration.ts';
import { ownAddress } from '../../../support/own-address.ts';
import { eventually } from './slice/echo-client.ts';

const address = ownAddress();
const forged = {
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-client-cert': 'By=spiffe://x',
  'x-jwt-payload': 'e30',
  'x-envoy-internal': 'true',
  'x-meshwright-probe': '1',
};

let folder: string;
let mesh: Authority;
let edge: Authority;
let eventsClosed = 0;
const open: { close(): Promise<void> | unknown }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mw-edge-'));
  mkdirSync(join(folder, 'manifests'));
  cpSync(new URL('./slice/edge.yaml', import.meta.url).pathname, join(folder, 'manifests', 'edge.yaml'));
  [mesh, edge] = await Promise.all([createAuthority('trading.local'), createAuthority('edge')]);
  const server = await edge.issue({ spiffeId: null, dnsNames: ['shop.example'], lifetimeMs: 600_000 });
  writeFileSync(join(folder, 'edge.crt'), server.certificate);
  writeFileSync(join(folder, 'edge.key'), server.privateKey);
  await Promise.all([startWeb(), startStore()]);
  const files = { certificate: join(folder, 'edge.crt'), privateKey: join(folder, 'edge.key') };
  const store = { host: 'store.shop.svc.cluster.local', port: 5433, socket: join(folder, 'to-store.sock') };
  await sidecar('store', { inbound: [{ port: 5433, application: join(folder, 'store.sock') }] });
  await sidecar('web', { inbound: [{ port: 8080, application: join(folder, 'web.sock') }], outbound: [store] });
  await sidecar('ingress', { inbound: [{ port: 8443, application: null }], edge: files });
});
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sidecar(name: string, more: Partial<SidecarConfiguration>): Promise<OpenPort> {
  const identity = join(folder, name);
  const leaf = await mesh.issue({ spiffeId: `spiffe://trading.local/ns/shop/sa/${name}`, lifetimeMs: 600_000 });
  writeIdentity(identity, leaf, mesh.bundle);
  const started = await startSidecar({
    workload: { namespace: 'shop', name },
    manifests: join(folder, 'manifests'),
    identity,
    address,
    inbound: [],
    outbound: [],
    accessLog: join(folder, `${name}.log`),
    admin: join(folder, `${name}.admin`),
    collector: join(folder, 'collector.sock'),
    edge: null,
    enforcement: 'policies',
    ...more,
  });
  open.push(started);
  return started;
}

/** An HTTP/1.1 application: tells its headers, echoes bodies, sends events until the client leaves. */
async function startWeb(): Promise<void> {
  const server = createHttp((request, response) => {
    if (request.url?.startsWith('/echo')) request.pipe(response);
    else if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
      response.once('close', () => {
        eventsClosed += 1;
      });
    } else response.end(JSON.stringify(request.headers));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'web.sock'), resolve));
  open.push({ close: () => server.close() && server.closeAllConnections() });
}

/** A TCP application that answers with what it got once the client has half-closed. */
async function startStore(): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => void chunks.push(Buffer.from(chunk)));
    socket.once('end', () => socket.end(Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'store.sock'), resolve));
  open.push({ close: () => server.close() });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

type Ask = (path: string, options?: { readonly body?: Buffer; readonly host?: string }) => Promise<Answer>;

const overHttp1: Ask = async (path, { body, host = 'shop.example' } = {}) => {
  const asked = requestHttps({
    host: address,
    port: 8443,
    path,
    method: body === undefined ? 'GET' : 'POST',
    headers: { host, ...forged },
    servername: 'shop.example',
    ca: edge.bundle,
    agent: false,
  });
  asked.end(body);
  const [response] = await once(asked, 'response');
  const chunks: Buffer[] = await response.toArray();
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
};

const overHttp2: Ask = async (path, { body, host = 'shop.example' } = {}) => {
  const session = connectHttp2('https://shop.example', {
    createConnection: () =>
      connectTls({ host: address, port: 8443, servername: 'shop.example', ca: edge.bundle, ALPNProtocols: ['h2'] }),
  });
  const method = body === undefined ? 'GET' : 'POST';
  const stream = session.request({ ':path': path, ':method': method, ':authority': host, ...forged });
  stream.end(body);
  const [headers] = await once(stream, 'response');
  const chunks: Buffer[] = await stream.toArray();
  session.destroy();
  return { status: headers[':status'], text: Buffer.concat(chunks).toString() };
};

describe.for([
  { name: 'HTTP/1.1', ask: overHttp1 },
  { name: 'HTTP/2', ask: overHttp2 },
])('a client outside over $name', ({ ask }) => {
  test('reaches the application, stripped of what only the mesh may say', async () => {
    const { status, text } = await ask('/headers');
    expect(status).toBe(200);
    const headers = JSON.parse(text) as Record<string, string>;
    const outside = Object.keys(headers).filter((name) => /^x-(envoy|forwarded-client|jwt|meshwright)/.test(name));
    expect(outside).toEqual([]);
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      host: 'shop.example',
    });
    expect(headers['traceparent']).toMatch(/-01$/);
  });

  test('sends a body and gets one', async () => {
    const body = Buffer.alloc(300_000, 'x');
    const { status, text } = await ask('/echo', { body });
    expect({ status, length: text.length }).toEqual({ status: 200, length: body.length });
  });

  test('finds no route that is not declared, and no host but the Gateway’s', async () => {
    expect((await ask('/other')).status).toBe(404);
    expect((await ask('/headers', { host: 'other.example' })).status).toBe(404);
  });

  test('is refused by the callee where a route exists and no grant', async () => {
    expect(await ask('/hidden')).toEqual({ status: 403, text: 'RBAC: access denied' });
  });
});

describe.for([
  { name: 'HTTP/1.1', ask: overHttp1 },
  { name: 'HTTP/2', ask: overHttp2 },
])('a token in the query over $name', ({ name, ask }) => {
  test('reaches the application and no log', async () => {
    const token = `secret-of-${name.replace(/\W/g, '-')}`;
    expect(await ask(`/echo?access_token=${token}`, { body: Buffer.from('x') })).toMatchObject({ status: 200 });
    const written = () => ['ingress', 'web'].map((each) => readFileSync(join(folder, `${each}.log`), 'utf8'));
    await ask('/hidden');
    await eventually('a later request is logged', () => written().every((log) => log.includes('"/hidden"')));
    expect(written().every((log) => log.includes('"path":"/echo"'))).toBe(true);
    expect(written().join('')).not.toContain(token);
  });
});

test('an HTTP/1.1 client may say TE: gzip', async () => {
  const headers = { host: 'shop.example', te: 'gzip' };
  const terms = { host: address, port: 8443, path: '/headers', servername: 'shop.example', ca: edge.bundle };
  const asked = requestHttps({ ...terms, headers, agent: false }).end();
  const [response] = await once(asked, 'response');
  response.resume();
  expect(response.statusCode).toBe(200);
});

test('an unfinished head of a request is not waited for', { timeout: 10_000 }, async () => {
  const socket = connectTls({ host: address, port: 8443, servername: 'shop.example', ca: edge.bundle });
  socket.on('error', () => {}).resume();
  socket.write('GET /headers HTTP/1.1\r\nhost: shop.example\r\n');
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

describe('a stream of events', () => {
  test('comes as it is written, and the application learns that the client has left', async () => {
    const asked = requestHttps({
      host: address,
      port: 8443,
      path: '/events',
      headers: { host: 'shop.example' },
      servername: 'shop.example',
      ca: edge.bundle,
      agent: false,
    });
    asked.on('error', () => {}).end();
    const [response] = await once(asked, 'response');
    const [first] = await once(response, 'data');
    expect(String(first)).toBe('data: first\n\n');
    response.on('error', () => {});
    asked.destroy();
    await eventually('the application has seen the close', () => eventsClosed === 1);
  });
});

describe('a TCP port', () => {
  test('is carried with half-close for the granted caller', async () => {
    const socket = connect({ path: join(folder, 'to-store.sock'), allowHalfOpen: true });
    socket.end(Buffer.alloc(100_000, 'y'));
    const chunks: Buffer[] = await socket.toArray();
    expect(Buffer.concat(chunks)).toHaveLength(100_000);
  });

  test.for([
    { name: 'another caller by policy', layer: 'authorization-policy', identity: 'ingress' },
    { name: 'plaintext by peer authentication', layer: 'peer-authentication', identity: null },
  ])('refuses $name', async ({ layer, identity }) => {
    const spiffeId = `spiffe://trading.local/ns/shop/sa/${identity}`;
    const leaf = await mesh.issue({ spiffeId, lifetimeMs: 60_000 });
    const svid: ProbeIdentity = { kind: 'svid', ...leaf, bundle: mesh.bundle };
    const target = { address, port: 5433, host: 'store.shop.svc.cluster.local', accessLog: join(folder, 'store.log') };
    const answer = await probeTcp(
      { target, identity: identity === null ? { kind: 'plaintext' } : svid },
      Buffer.from('hello'),
    );
    expect(answer).toMatchObject({ kind: 'refused', grpc: 14, layer });
  });
});
