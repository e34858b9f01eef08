/** Runs a program in a container, with input, and returns all of its output; every run has a deadline. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { V1Status } from '@kubernetes/client-node';
import type { Connection } from './connect.ts';

/** A container of a pod. */
export interface ContainerReference {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** What a program left behind. */
export interface Ran {
  /** Null when the connection ended before the program did. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that could not be run, as the API server or the container runtime says. */
export class ExecFailure extends Error {}

/** How a program is run. */
export interface RunOptions {
  /** @default - '' */
  readonly input?: string;
  readonly timeoutMs: number;
}

/** Input goes out in pieces, since one message of the connection is held in memory on every hop. */
const chunkBytes = 32_768;

/** Runs `command`. Errors: `ExecFailure` when it cannot be started or has no end before the deadline. */
export async function runInContainer(
  connection: Connection,
  where: ContainerReference,
  command: readonly string[],
  options: RunOptions,
): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const stdin = options.input === undefined ? null : new PassThrough();
  const output = Promise.all([text(stdout), text(stderr)]);
  output.catch(() => {});
  const name = `${where.namespace}/${where.pod} (${where.container})`;
  let ended: (status: V1Status | null) => void = () => {};
  const status = new Promise<V1Status | null>((resolve) => {
    ended = resolve;
  });
  const started = new connection.client.Exec(connection.config).exec(
    where.namespace,
    where.pod,
    where.container,
    [...command],
    stdout,
    stderr,
    stdin,
    false,
    ended,
  );
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const expired = new Promise<never>((_resolve, reject) => {
    deadline.addEventListener('abort', () =>
      reject(new ExecFailure(`${name}: \`${command.join(' ')}\`: no end in time`)),
    );
  });
  const socket = await Promise.race([started, expired]).catch((cause: unknown) => {
    throw cause instanceof ExecFailure ? cause : new ExecFailure(`${name}: ${reasonOf(cause)}`, { cause });
  });
  try {
    socket.addEventListener('close', () => {
      stdout.end();
      stderr.end();
      ended(null);
    });
    if (stdin !== null) feed(stdin, options.input ?? '');
    const final = await Promise.race([status, expired]);
    const [out, err] = await Promise.race([output, expired]);
    return { exitCode: exitCodeOf(final), stdout: out, stderr: err };
  } finally {
    socket.close();
  }
}

function feed(stdin: PassThrough, input: string): void {
  const bytes = Buffer.from(input);
  for (let at = 0; at < bytes.length; at += chunkBytes) stdin.write(bytes.subarray(at, at + chunkBytes));
}

/** Source: Kubernetes `remotecommand`: the exit code stands among the causes of a failed status. */
function exitCodeOf(status: V1Status | null): number | null {
  if (status === null) return null;
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause?.message === undefined) throw new ExecFailure(status.message ?? 'the program cannot be run');
  return Number(cause.message);
}

function reasonOf(cause: unknown): string {
  const { message } = cause as { readonly message?: unknown };
  return typeof message === 'string' ? message : String(cause);
}
