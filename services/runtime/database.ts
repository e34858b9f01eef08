import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import type { DatabaseConfiguration } from './configuration.ts';
import { RpcError, status } from './rpc-error.ts';

/** Statements on one connection, inside one transaction. */
export interface Transaction {
  /** Runs one statement and gives its rows; `int8` columns come back as bigint. */
  query<R>(sql: string, values?: readonly unknown[]): Promise<R[]>;
}

/** How a transaction runs. */
export interface TransactionOptions {
  /** @default - read committed */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

/**
 * The service's own schema of the database.
 * Errors: a lost or overloaded database is `RpcError` UNAVAILABLE, and the pool recovers by itself; a transaction that
 * lost every retry against its rivals is ABORTED; everything else is the driver's error with its SQLSTATE in `code`.
 */
export interface Database extends Transaction {
  /** Runs `body` in a transaction. After a serialization failure or a deadlock the whole body runs again, a bounded number of times. */
  transaction<T>(body: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

const mostConnections = 8;
/** Connections end here, between two statements, before the mesh ends them with the certificate they were opened with. */
const longestConnectionSeconds = 240;
const connectMs = 2000;
const statementMs = 5000;
const idleInTransactionMs = 10_000;
const mostTransactionAttempts = 5;
const rivalryMs = 5;

const textFormat = 'text';
const int8 = 20;
const int8Array = 1016;

const mostPrepared = 256;
const preparedNames = new Map<string, string>();

/**
 * A statement with values is prepared under a name, so that each connection parses and plans it once; a service has
 * tens of them, and texts beyond the bound stay unnamed.
 */
function statementOf(sql: string, values: readonly unknown[] = []): pg.QueryConfig {
  if (values.length === 0) return { text: sql };
  let name = preparedNames.get(sql);
  if (name === undefined && preparedNames.size < mostPrepared) {
    name = `s${preparedNames.size}`;
    preparedNames.set(sql, name);
  }
  return name === undefined ? { text: sql, values: [...values] } : { name, text: sql, values: [...values] };
}

/** TLS that checks the server's name and certificate, where a root is named; false where the mesh's proxies do it. */
export function tlsOf({ caFile }: DatabaseConfiguration): false | { readonly ca: string } {
  return caFile === undefined ? false : { ca: readFileSync(caFile, 'utf8') };
}

/** The pool behind a `Database`. */
export class PooledDatabase implements Database {
  readonly #pool: pg.Pool;

  constructor(configuration: DatabaseConfiguration, schema: string, log: Logger) {
    this.#pool = new pg.Pool({
      host: configuration.host,
      port: configuration.port,
      database: configuration.name,
      user: configuration.user,
      password: async () => (await readFile(configuration.passwordFile, 'utf8')).trim(),
      ssl: tlsOf(configuration),
      max: mostConnections,
      maxLifetimeSeconds: longestConnectionSeconds,
      connectionTimeoutMillis: connectMs,
      statement_timeout: statementMs,
      // The server's own time-out comes first; this one is for a server that no longer answers at all.
      query_timeout: statementMs + 1000,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      keepAlive: true,
      application_name: schema,
      options: `-c search_path=${schema}`,
      types: { getTypeParser },
    });
    this.#pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'));
  }

  async query<R>(sql: string, values?: readonly unknown[]): Promise<R[]> {
    try {
      return (await this.#pool.query(statementOf(sql, values))).rows;
    } catch (thrown) {
      throw translate(thrown);
    }
  }

  async transaction<T>(body: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(body, options);
      } catch (thrown) {
        if (!isLostRace(thrown)) throw translate(thrown);
        if (attempt === mostTransactionAttempts) {
          throw new RpcError(status.ABORTED, 'too many concurrent changes', { cause: thrown });
        }
        // Rivals that lost together must not meet again.
        await pause(Math.random() * rivalryMs * 2 ** attempt);
      }
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #attempt<T>(body: (tx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    const client = await this.#pool.connect();
    // Without a listener, a connection that breaks between two statements would end the process.
    client.on('error', ignore);
    const tx: Transaction = { query: async (sql, values) => (await client.query(statementOf(sql, values))).rows };
    try {
      await client.query(`BEGIN ISOLATION LEVEL ${(options.isolation ?? 'read committed').toUpperCase()}`);
      const result = await body(tx);
      await client.query('COMMIT');
      release(client);
      return result;
    } catch (thrown) {
      await rollback(client);
      throw thrown;
    }
  }
}

/** Gives the connection back clean, or throws it away when it cannot be cleaned. */
async function rollback(client: pg.PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK');
    release(client);
  } catch {
    release(client, true);
  }
}

function release(client: pg.PoolClient, broken = false): void {
  client.off('error', ignore);
  client.release(broken);
}

function ignore(): void {}

function getTypeParser(oid: number, format?: string): (value: string) => unknown {
  if (format === undefined || format === textFormat) {
    if (oid === int8) return BigInt;
    if (oid === int8Array) return parseBigints;
  }
  return pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown;
}

function parseBigints(text: string): (bigint | null)[] {
  const inner = text.slice(1, -1);
  return inner === '' ? [] : inner.split(',').map((entry) => (entry === 'NULL' ? null : BigInt(entry)));
}

function isLostRace(thrown: unknown): boolean {
  const code = sqlStateOf(thrown);
  return code === '40001' || code === '40P01';
}

const socketFailures = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

function translate(thrown: unknown): unknown {
  if (thrown instanceof RpcError || !isUnavailable(thrown)) return thrown;
  return new RpcError(status.UNAVAILABLE, 'the database is not available', { cause: thrown });
}

const unavailableMessage = /^(Connection terminated|timeout e|Query read timeout|Client (has encountered|was closed))/;

function isUnavailable(thrown: unknown): boolean {
  const code = sqlStateOf(thrown);
  if (code !== undefined) {
    if (socketFailures.has(code)) return true;
    // 08 connection, 53 resources, 57 operator intervention (time-out, shutdown, start-up), 25P03 idle in transaction.
    if (/^(08|53|57)/.test(code) || code === '25P03') return true;
    return false;
  }
  // The driver reports these without a code.
  return thrown instanceof Error && unavailableMessage.test(thrown.message);
}

function sqlStateOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
