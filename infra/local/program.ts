import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { StartError } from './start-error.ts';

/** A Node program to run as a process of its own. */
export interface ProgramOptions {
  readonly name: string;
  /** The program's file and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is inherited but `PATH`. */
  readonly env: Readonly<Record<string, string>>;
  /** Limit of the old generation of the heap. */
  readonly heapMb: number;
  /** Where standard output and error go. */
  readonly logFile: string;
  /** The directory for compiled code that all programs share. */
  readonly compileCache: string;
  /** `line` waits for a line `ready` on standard output; `started` does not wait. */
  readonly readiness: 'line' | 'started';
  /** Hears of the program as soon as it runs, before it is ready. @default - nobody does */
  readonly onStarted?: (program: Program) => void;
}

/** How a program ended. Shape: `code 1` or `signal SIGKILL`. */
export type ProgramEnd = string;

/** A running program. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  /** Settles when it has ended, for whatever reason. */
  readonly ended: Promise<ProgramEnd>;
  /** True until it has ended. */
  readonly isRunning: boolean;
  /** The last lines that it wrote to standard error. */
  lastWords(): string;
  /** Asks it to end (SIGTERM), insists after five seconds. */
  stop(): Promise<void>;
}

const patienceMs = 5000;
const watcher = new URL('./end-with-parent.ts', import.meta.url).href;

/** Starts a program. Errors: StartError with its last words when it ends before it is ready. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${options.heapMb}`,
      '--max-semi-space-size=2',
      '--import',
      watcher,
      options.script,
      ...options.args,
    ],
    {
      // A process group of its own: Ctrl-C reaches the launcher alone, which stops things in their order.
      detached: true,
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: options.compileCache, ...options.env },
      // Standard input stays open as long as the launcher lives.
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const words: string[] = [];
  const ready = follow(child, options.logFile, words);
  const ended = new Promise<ProgramEnd>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal === null ? `code ${code}` : `signal ${signal}`));
  });
  const program: Program = {
    name: options.name,
    pid: child.pid ?? 0,
    ended,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null;
    },
    lastWords: () => words.join('\n'),
    stop: () => end(child, ended),
  };
  options.onStarted?.(program);
  const early = ended.then(
    (how) => new StartError(`\`${options.name}\` ended with ${how} while starting`, program.lastWords()),
  );
  if (options.readiness === 'line') {
    const first = await Promise.race([ready, early]);
    if (first instanceof StartError) throw first;
  }
  return program;
}

function follow(child: ChildProcess, logFile: string, words: string[]): Promise<void> {
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  const { promise, resolve } = Promise.withResolvers<void>();
  if (child.stdout === null || child.stderr === null) throw new Error('the output of a program is not piped');
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') resolve();
    log.write(`${line}\n`);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    words.push(line);
    if (words.length > 12) words.shift();
    log.write(`${line}\n`);
  });
  child.once('close', () => log.end());
  return promise;
}

async function end(child: ChildProcess, ended: Promise<ProgramEnd>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await ended;
  clearTimeout(impatient);
}
