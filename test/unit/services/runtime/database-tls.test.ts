/** A database outside the mesh: the service itself speaks TLS, and to nobody whose certificate it cannot check. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority } from '#infra/local/authority.ts';
import { PooledDatabase } from '#services/runtime/database.ts';

const sslRequestBytes = 8;
const protocolError = Buffer.from('SFATAL\0C08P01\0Mread enough\0\0');

/** A server that speaks PostgreSQL as far as its TLS: it notes what it is told in the clear and behind TLS, then refuses. */
class TlsServer {
  readonly clear: Buffer[] = [];
  readonly startups: string[] = [];
  readonly #server: Server;

  constructor({ certificate, privateKey }: { readonly certificate: string; readonly privateKey: string }) {
    this.#server = createServer((socket) => {
      socket.once('data', (first: Buffer) => {
        this.clear.push(first);
        if (first.length !== sslRequestBytes) {
          socket.destroy();
          return;
        }
        socket.write('S');
        const secure = new TLSSocket(socket, { isServer: true, cert: certificate, key: privateKey });
        secure.once('data', (startup) => {
          this.startups.push(startup.toString('latin1'));
          const length = Buffer.alloc(4);
          length.writeInt32BE(protocolError.length + 4);
          secure.end(Buffer.concat([Buffer.from('E'), length, protocolError]));
        });
        secure.on('error', () => {});
      });
      socket.on('error', () => {});
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

let folder: string;
let server: TlsServer;
let port: number;
let root: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mw-database-tls-'));
  writeFileSync(join(folder, 'password'), 'secret');
  const authority = await createAuthority('database root');
  root = authority.bundle;
  server = new TlsServer(await authority.issue({ spiffeId: null, dnsNames: ['localhost'], lifetimeMs: 60_000 }));
  port = await server.listen();
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(bundle: string | undefined, host = 'localhost'): Promise<string> {
  const caFile = bundle === undefined ? undefined : join(folder, 'ca.crt');
  if (caFile !== undefined && bundle !== undefined) writeFileSync(caFile, bundle);
  const configuration = { host, port, name: 'trading', user: 'order', passwordFile: join(folder, 'password'), caFile };
  const database = new PooledDatabase(configuration, 'order', pino({ level: 'silent' }));
  const outcome = await database.query('SELECT 1').then(
    () => 'answered',
    (error: Error) => String(error.cause ?? error),
  );
  await database.close();
  return outcome;
}

describe('a database outside the mesh', () => {
  test('is told who connects behind TLS only', async () => {
    expect(await ask(root)).toContain('read enough');
    expect(server.startups[0]).toContain('order');
    expect(server.clear.map((bytes) => bytes.length)).toEqual([sslRequestBytes]);
  });

  test('is told nothing when another root signed its certificate', async () => {
    const stranger = await createAuthority('another root');
    expect(await ask(stranger.bundle)).toMatch(/certificate/);
    expect(server.startups).toEqual([]);
  });

  test('is told nothing when its certificate is for another name', async () => {
    expect(await ask(root, '127.0.0.1')).toMatch(/certificate|altnames/i);
    expect(server.startups).toEqual([]);
  });

  test('inside the mesh is spoken to in the clear, since the proxies encrypt', async () => {
    await ask(undefined);
    expect(server.clear[0]?.toString('latin1')).toContain('order');
  });
});
