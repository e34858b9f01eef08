import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const pollMs = 20;
const patienceMs = 5000;
const run = promisify(execFile);

/** A running child. */
export interface Child {
  readonly process: ChildProcess;
  readonly logFile: string;
  stop(): Promise<void>;
}

/** Starts programs, and ends each by its process id on every way out of this process. */
export class Processes {
  readonly folder: string;
  readonly #children = new Set<ChildProcess>();

  /** `folder` takes one log file a program. */
  constructor(folder: string) {
    this.folder = folder;
    process.once('exit', () => {
      for (const child of this.#children) child.kill('SIGKILL');
    });
  }

  start(name: string, file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const logFile = join(this.folder, `${name}.log`);
    const log = createWriteStream(logFile, { flags: 'a' });
    const child = spawn(file, args, { env: { PATH: process.env['PATH'], HOME: this.folder, ...env } });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    child.once('error', (error) => log.write(`${error.message}\n`));
    child.stderr.pipe(log);
    if (name !== 'xds-fetch') child.stdout.pipe(log, { end: false });
    return { process: child, logFile, stop: () => end(child) };
  }

  /** Ends all children, the youngest first. */
  async stopAll(): Promise<void> {
    for (const child of [...this.#children].reverse()) await end(child);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGTERM');
  const insist = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await closed;
  clearTimeout(insist);
}

/** Runs a program to its end. Errors: throws with its standard error when it fails, unless `tolerate`. */
export async function output(
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly tolerate?: boolean } = {},
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { tolerate = false, ...rest } = options;
  try {
    return await run(file, args, { maxBuffer: 1 << 28, ...rest });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    if (tolerate && stdout !== undefined && stderr !== undefined) return { stdout, stderr };
    throw new Error(`${file} ${args[0] ?? ''}: failed: ${stderr ?? ''}`, { cause: error });
  }
}

/** Waits until `holds` gives true. Errors: throws, naming what was waited for, after `timeoutMs`. */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 300_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await pause(pollMs);
  }
}

/** Ports of 127.0.0.1 that nobody listens on now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
