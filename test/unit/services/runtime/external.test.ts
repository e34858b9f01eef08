import 'reflect-metadata';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callExternal } from '#services/runtime/declaration.ts';
import { type ServiceContext, status } from '#services/runtime/index.ts';
import { started, terms } from './echo.ts';
import { base } from './echo-contract.ts';

const systemRoots = getCACertificates('default');
let server: Server;
let port = 0;

beforeAll(async () => {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  const cert = certificate.toString('pem');
  setDefaultCACertificates([...systemRoots, cert]);
  server = createServer({ key, cert }, (request, response) => {
    if (request.url === '/slow') return;
    if (request.url === '/large') response.end('x'.repeat(1024 * 1024 + 1));
    else
      response
        .writeHead(201, { 'x-seen': String(request.headers['traceparent']) })
        .end(`${request.method} ${request.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  setDefaultCACertificates(systemRoots);
  server.closeAllConnections();
  server.close();
});

async function contextWith(declaredPort: number, timeoutMs = 5000): Promise<ServiceContext> {
  const calls = [callExternal('localhost', declaredPort, terms(timeoutMs))];
  let context: ServiceContext | undefined;
  await started(
    { ...base, name: 'caller', serviceAccount: 'caller', contracts: [], calls },
    { LISTEN: '127.0.0.1:0' },
    async (given) => {
      context = given;
      return [];
    },
  );
  if (context === undefined) throw new Error('the caller was not built');
  return context;
}

describe('a host outside the mesh', () => {
  test('that is declared is reached over HTTPS, and sees the trace', async () => {
    const host = (await contextWith(port)).external('localhost', port);
    const answer = await host.request({ method: 'POST', path: '/rates', body: '{}' });
    expect(answer).toMatchObject({ status: 201, body: 'POST /rates' });
    expect(answer.headers['x-seen']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  test.for([
    ['another host', 'example.com', 0],
    ['another port of the same host', 'localhost', 1],
  ] as const)('that is not declared is refused before any packet: %s', async ([, name, offset]) => {
    const context = await contextWith(port);
    expect(() => context.external(name, port + offset)).toThrow(`declares no call of \`${name}:${port + offset}\``);
  });

  test.for([
    ['does not answer in time', '/slow', status.DEADLINE_EXCEEDED],
    ['answers too much', '/large', status.RESOURCE_EXHAUSTED],
  ] as const)('that %s is an error of its own', async ([, path, code]) => {
    const host = (await contextWith(port, 400)).external('localhost', port);
    await expect(host.request({ method: 'GET', path })).rejects.toMatchObject({ code });
  });

  test('that cannot be reached, or cannot prove its name, is UNAVAILABLE', async () => {
    const nobody = (await contextWith(1)).external('localhost', 1);
    await expect(nobody.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    setDefaultCACertificates(systemRoots);
    const impostor = (await contextWith(port)).external('localhost', port);
    await expect(impostor.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});
