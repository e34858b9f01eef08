import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Authority, createAuthority, type LeafRequest } from './authority.ts';
import { type Collector, startCollector } from './collector.ts';
import { type EdgeAccess, issueEdge } from './edge-certificate.ts';
import { rotateIdentities } from './identity-files.ts';
import { InputError } from './input-error.ts';
import { ensureKeys, mintUserToken, type UserTokenRequest } from './keys.ts';
import { databaseUrl, type MeshDatabase, openDatabase } from './mesh-database.ts';
import { accessLogOf, collectorSockets, type MeshFolders, planMesh, type WorkloadPlan } from './mesh-plan.ts';
import { checkPorts, startPrograms, stopPrograms } from './mesh-programs.ts';
import type { ProbeIdentity, ProbeTarget } from './probe.ts';
import type { Program } from './program.ts';
import type { Enforcement } from './sidecar-configuration.ts';
import { localTrustDomain } from './spiffe-id.ts';
import { StartError } from './start-error.ts';

/** How the local mesh is started. */
export interface MeshOptions {
  /** The loopback address of all container ports. @default 127.0.0.1 */
  readonly address?: string;
  /** The rendered environment to enforce. @default dist/kind */
  readonly dist?: string;
  /** Keys, logs, traces and the database. @default .meshwright */
  readonly state?: string;
  /** `kept` keeps orders and ledger for the next start, `thrownAway` starts from nothing. @default kept */
  readonly database?: 'kept' | 'thrownAway';
  /** Lifetime of certificates; they are renewed at half of it. @default ten minutes */
  readonly certificateLifetimeMs?: number;
  /** For tests of the tests: one workload whose sidecar does not enforce. @default - all do */
  readonly weakened?: { readonly workload: string; readonly enforcement: Enforcement };
  /** Stops the mesh when aborted, also half way through its start. @default - only `stop` does */
  readonly signal?: AbortSignal;
  /** Hears one line a step. @default - silence */
  readonly onProgress?: (line: string) => void;
}

/** A running mesh. */
export interface LocalMesh {
  readonly address: string;
  readonly trustDomain: string;
  /** How clients outside reach it. */
  readonly edge: EdgeAccess;
  readonly collector: Collector;
  readonly folders: MeshFolders;
  /** The sidecars and services, for figures and faults. */
  readonly programs: readonly Program[];
  readonly database: MeshDatabase;
  /** Issues a certificate of the mesh's own authority, for probes. */
  mintSvid(request: Omit<LeafRequest, 'lifetimeMs'> & { readonly lifetimeMs?: number }): Promise<ProbeIdentity>;
  mintUserToken(request: UserTokenRequest): Promise<string>;
  /** Where probes of a workload's container port go. Errors: throws for a workload that the catalog does not have. */
  target(workload: string, port?: number): ProbeTarget;
  /** Settles with a sentence when a part ended unasked. */
  readonly broken: Promise<string>;
  /** Stops everything, services before their database, and removes what was made for the run. */
  stop(): Promise<void>;
}

const tenMinutesMs = 600_000;
const databaseName = 'trading';
/** As many spans as Jaeger's UI opens without trouble. */
const exportedSpans = 20_000;

/** What has been started so far; stopped the other way round. */
class Undo {
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  #running: Promise<void> = Promise.resolve();

  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  /** Undoes what there is, and what was added meanwhile; resolves when all is undone, whoever called first. */
  run(): Promise<void> {
    this.#running = this.#running.then(async () => {
      for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step();
    });
    return this.#running;
  }
}

/**
 * Starts the mesh: authority, database, collector, a sidecar and a process for every service; resolves when all serve.
 * Errors: StartError with what to do; whatever was started before is stopped again.
 */
export async function startMesh(options: MeshOptions = {}): Promise<LocalMesh> {
  const undo = new Undo();
  options.signal?.addEventListener('abort', () => void undo.run());
  try {
    return await start(options, undo);
  } catch (error) {
    await undo.run();
    throw options.signal?.aborted === true ? new StartError('interrupted', '') : error;
  }
}

async function start(options: MeshOptions, undo: Undo): Promise<LocalMesh> {
  const say = options.onProgress ?? (() => {});
  const address = options.address ?? '127.0.0.1';
  databaseUrl(); // Refused before anything is started.
  const folders = prepareFolders(options, undo);
  await checkPorts(address);
  await ensureKeys(folders.keys);
  const collector = await openCollector(folders, undo);
  const opening = startDatabase(options, { folders, say });
  opening.catch(() => {}); // Awaited further down; a failure before that is told there.
  undo.add(() => opening.then((database) => database.stop()).catch(() => {}));
  const plan = planMesh({
    folders,
    address,
    telemetry: collector.endpoint,
    databaseServer: serverOf(folders),
    databaseName,
    enforcementOf: (workload) => (options.weakened?.workload === workload ? options.weakened.enforcement : 'policies'),
  });
  const authority = await openAuthority(plan, { ...options, say }, undo);
  const edge = await issueEdge(folders);
  const programs: Program[] = [];
  undo.add(() => stopPrograms(programs));
  await startPrograms({ plan, folders, programs, database: opening, say, signal: options.signal });
  const database = await opening;
  const broken = firstBroken(programs, database);
  return {
    ...access({ plan, folders, address, authority }),
    edge,
    collector,
    programs,
    database,
    broken,
    stop: () => undo.run(),
  };
}

function prepareFolders(options: MeshOptions, undo: Undo): MeshFolders {
  const state = resolve(options.state ?? '.meshwright');
  const dist = resolve(options.dist ?? 'dist/kind');
  if (!existsSync(dist)) throw new InputError(`no manifests in \`${dist}\``, 'synthesize them with `make synth`');
  const run = mkdtempSync(join(tmpdir(), 'mw-'));
  undo.add(() => rmSync(run, { recursive: true, force: true }));
  // As root the database runs as another user, who must pass through to its socket; all that matters is below, 0700.
  chmodSync(run, process.getuid?.() === 0 ? 0o711 : 0o700);
  mkdirSync(state, { recursive: true });
  if (process.getuid?.() === 0) chmodSync(state, 0o711);
  const logs = join(state, 'logs');
  rmSync(logs, { recursive: true, force: true });
  for (const folder of [logs, join(state, 'traces'), join(state, 'keys')])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { run, logs, state, keys: join(state, 'keys'), compileCache: join(state, 'compile-cache'), dist };
}

async function openCollector(folders: MeshFolders, undo: Undo): Promise<Collector> {
  const forwardTo = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const sockets = collectorSockets(folders.run);
  const collector = await startCollector({
    file: join(folders.state, 'traces', 'spans.jsonl'),
    httpSocket: sockets.http,
    grpcSocket: sockets.grpc,
    ...(forwardTo === undefined || forwardTo === '' ? {} : { forwardTo }),
  });
  undo.add(() => collector.close());
  const document = join(folders.state, 'traces', 'traces.json');
  undo.add(() => collector.store.exportTo(document, collector.store.newest(exportedSpans)));
  return collector;
}

function serverOf(folders: MeshFolders): string {
  const url = databaseUrl();
  return url === undefined ? join(folders.run, 'database', '.s.PGSQL.5432') : `${url.hostname}:${url.port || 5432}`;
}

async function startDatabase(
  options: MeshOptions,
  { folders, say }: { readonly folders: MeshFolders; readonly say: (line: string) => void },
): Promise<MeshDatabase> {
  const kept = (options.database ?? 'kept') === 'kept';
  const database = await openDatabase({
    keys: folders.keys,
    dataDirectory: kept ? join(folders.state, 'postgres') : join(folders.run, 'postgres'),
    socketDirectory: join(folders.run, 'database'),
    durability: kept ? 'survivesPowerLoss' : 'survivesProcess',
    url: databaseUrl(),
    logFile: (line) => appendFileSync(join(folders.logs, 'postgres.log'), `${line}\n`, { mode: 0o600 }),
    onProgress: say,
  });
  say(`database: ${database.description}, migrated`);
  return database;
}

async function openAuthority(
  plan: readonly WorkloadPlan[],
  options: MeshOptions & { readonly say: (line: string) => void },
  undo: Undo,
): Promise<Authority> {
  const authority = await createAuthority(localTrustDomain);
  const lifetimeMs = options.certificateLifetimeMs ?? tenMinutesMs;
  const folders = new Map(plan.map(({ spiffeId, sidecar }) => [spiffeId, sidecar.identity]));
  const onError = (error: unknown): void => options.say(`certificates: ${String(error)}`);
  const rotation = await rotateIdentities({ authority, lifetimeMs, folders, onError });
  undo.add(() => rotation.stop());
  options.say(`certificates: ${plan.length} identities in ${localTrustDomain}, renewed every ${lifetimeMs / 2000} s`);
  return authority;
}

interface AccessTerms {
  readonly plan: readonly WorkloadPlan[];
  readonly folders: MeshFolders;
  readonly address: string;
  readonly authority: Authority;
}

function access({ plan, folders, address, authority }: AccessTerms) {
  return {
    address,
    folders,
    trustDomain: localTrustDomain,
    async mintSvid(
      request: Omit<LeafRequest, 'lifetimeMs'> & { readonly lifetimeMs?: number },
    ): Promise<ProbeIdentity> {
      const { certificate, privateKey } = await authority.issue({ lifetimeMs: tenMinutesMs, ...request });
      return { kind: 'svid', certificate, privateKey, bundle: authority.bundle };
    },
    mintUserToken: (request: UserTokenRequest) => mintUserToken(folders.keys, request),
    target(workload: string, port?: number): ProbeTarget {
      const declaration = plan.map((each) => each.declaration).find(({ name }) => name === workload);
      const first = declaration?.contracts[0]?.port;
      if (declaration === undefined || first === undefined)
        throw new Error(`workload \`${workload}\` is not in the catalog`);
      const host = `${workload}.${declaration.namespace}.svc.cluster.local`;
      return { address, port: port ?? first, host, accessLog: accessLogOf(folders, workload) };
    },
  };
}

function firstBroken(programs: readonly Program[], database: MeshDatabase): Promise<string> {
  const ends = programs.map(
    async (program) => `\`${program.name}\` ended with ${await program.ended}\n${program.lastWords()}`,
  );
  return Promise.race([...ends, database.ended.then(() => 'the database server ended')]);
}

/** Resident memory of a process in MB, from /proc; undefined where the system has none. */
export function tryReadResidentMb(pid: number): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(file, 'utf8'));
  return match === null ? undefined : Number(match[1]) / 1024;
}
