import { spawn } from 'node:child_process';
import { ClusterError } from './cluster-error.ts';

/** How a program ended. `code` is null when it could not be started or was ended by a signal. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is given besides its arguments. */
export interface CommandOptions {
  /** Text for standard input. @default - none */
  readonly input?: string;
  /** Ends the program when it is aborted. @default - it runs to its end */
  readonly signal?: AbortSignal;
}

/** Runs one program to its end; never rejects. Tests give a fake of this shape. */
export type Run = (program: string, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

/** How many of the last lines of a failed program are told. */
const lastLines = 12;

/** Runs a program of this machine. */
export const runCommand: Run = (program, args, options = {}) =>
  new Promise((resolve) => {
    const { input = '', ...ending } = options;
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...ending });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.once('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }));
    child.once('close', (code) => resolve({ code, ...output }));
    // A program that ends before it has read its input closes the pipe; how it ended says enough.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

/** Runs a program and gives its standard output. Errors: ClusterError with its last lines unless it ends with 0. */
export async function expectOutput(
  run: Run,
  [program, ...args]: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code === 0) return stdout;
  const how = code === null ? 'did not run to its end' : `ended with ${code}`;
  const words = `${stdout}\n${stderr}`.split('\n').filter((line) => /[a-z0-9]/i.test(line));
  throw new ClusterError(`\`${[program, ...args].join(' ')}\` ${how}`, words.slice(-lastLines));
}
