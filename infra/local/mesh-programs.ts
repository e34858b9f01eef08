import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalog } from '#services/catalog.ts';
import type { MeshFolders, WorkloadPlan } from './mesh-plan.ts';
import { type Program, startProgram } from './program.ts';
import { StartError } from './start-error.ts';

const heapMb = { sidecar: 48, service: 96 };
const sidecarScript = fileURLToPath(new URL('./sidecar.ts', import.meta.url));
const warmScript = fileURLToPath(new URL('./warm-cache.ts', import.meta.url));
const readyWithinMs = 30_000;
const pollMs = 25;
const sidecarSuffix = '-sidecar';
const askedWithinMs = 3000;

/** Throws StartError naming every container port of the catalog that another program uses at `address`. */
export async function checkPorts(address: string): Promise<void> {
  const ports = catalog.flatMap(({ name, contracts }) => contracts.map(({ port }) => ({ name, port })));
  const busy = (
    await Promise.all(ports.map(async (each) => ((await isFree(address, each.port)) ? [] : [each])))
  ).flat();
  if (busy.length === 0) return;
  const told = busy.map(({ name, port }) => `${port} (${name})`).join(', ');
  throw new StartError(
    `busy ports on ${address}: ${told}`,
    'stop the program that uses them (another mesh?), or choose another address with `--address 127.0.0.2`',
  );
}

function isFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}

/** What `startPrograms` starts, and where it reports. */
export interface ProgramsOptions {
  readonly plan: readonly WorkloadPlan[];
  readonly folders: MeshFolders;
  /** Filled as programs start, so that a failure half way can stop them. */
  readonly programs: Program[];
  /** What services wait for: the migrated database. */
  readonly database: Promise<unknown>;
  readonly say: (line: string) => void;
  /** Ends the start: nothing more is started. */
  readonly signal: AbortSignal | undefined;
}

/** Starts sidecars, then services once the database is ready, and waits until every service says that it serves. */
export async function startPrograms(options: ProgramsOptions): Promise<void> {
  const { plan, say } = options;
  await warmCache(options);
  const sidecars = Promise.all(plan.map((workload) => startSidecar(workload, options)));
  // A database that cannot start is told before sidecars are waited for.
  await Promise.all([options.database, sidecars]);
  say(`sidecars: ${plan.length} enforce the manifests`);
  const services = plan.filter(({ service }) => service !== null);
  await Promise.all(services.map((workload) => startService(workload, options)));
  await Promise.all(services.map((workload) => serves(workload, options)));
  say(`services: ${services.map(({ declaration }) => declaration.name).join(', ')} serve`);
}

/** Stops services, which drain over their sidecars, and then those. */
export async function stopPrograms(programs: readonly Program[]): Promise<void> {
  const sidecars = programs.filter(({ name }) => name.endsWith(sidecarSuffix));
  await Promise.all(programs.filter((program) => !sidecars.includes(program)).map((program) => program.stop()));
  await Promise.all(sidecars.map((program) => program.stop()));
}

async function warmCache(options: ProgramsOptions): Promise<void> {
  const warm = { script: warmScript, args: [], env: {}, heapMb: heapMb.sidecar, readiness: 'started' } as const;
  await (await launch('warm-cache', warm, options)).ended;
  options.programs.pop();
}

async function startSidecar({ declaration, sidecar }: WorkloadPlan, options: ProgramsOptions): Promise<void> {
  const folder = join(options.folders.run, declaration.name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'sidecar.json');
  writeFileSync(file, JSON.stringify(sidecar), { mode: 0o600 });
  const name = `${declaration.name}${sidecarSuffix}`;
  await launch(
    name,
    { script: sidecarScript, args: [file], env: {}, heapMb: heapMb.sidecar, readiness: 'line' },
    options,
  );
}

async function startService({ declaration, service }: WorkloadPlan, options: ProgramsOptions): Promise<void> {
  if (service === null) return;
  const { script, env } = service;
  await launch(declaration.name, { script, args: [], env, heapMb: heapMb.service, readiness: 'started' }, options);
}

async function launch(
  name: string,
  program: Omit<Parameters<typeof startProgram>[0], 'name' | 'logFile' | 'compileCache'>,
  { folders, programs, signal }: ProgramsOptions,
): Promise<Program> {
  signal?.throwIfAborted();
  const logFile = join(folders.logs, `${name}.log`);
  const onStarted = (started: Program): void => {
    programs.push(started);
    if (signal?.aborted === true) void started.stop();
  };
  return startProgram({ name, logFile, compileCache: folders.compileCache, onStarted, ...program });
}

async function serves({ declaration, sidecar }: WorkloadPlan, { programs }: ProgramsOptions): Promise<void> {
  const program = programs.find(({ name }) => name === declaration.name);
  for (const until = performance.now() + readyWithinMs; performance.now() < until; ) {
    if (await isReady(sidecar.admin)) return;
    if (program?.isRunning !== true) {
      throw new StartError(
        `\`${declaration.name}\` ended with ${await program?.ended} while starting`,
        program?.lastWords() ?? '',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new StartError(
    `\`${declaration.name}\` does not serve within ${readyWithinMs / 1000} s`,
    program?.lastWords() ?? '',
  );
}

function isReady(admin: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { socketPath: admin, path: '/app-health/readyz', agent: false, timeout: askedWithinMs },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.once('close', () => resolve(false));
    asked.end();
  });
}
