import { type ChildProcess, spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';

/** A service that runs as a process of its own. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  /** Settles when a log line with this message was written. */
  logged(message: string): Promise<Record<string, unknown>>;
  /** Settles with the exit code, or the signal that ended the process. */
  readonly ended: Promise<number | string>;
}

/** Starts the fixture as a process; it is killed after the test when it still runs. */
export function startProcess(env: Readonly<Record<string, string>>): ServiceProcess {
  const main = new URL('./main-fixture.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((part) => JSON.parse(part)));
    for (const look of waiting) look();
  });
  const logged = (message: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const look = () => {
        const found = lines.find(({ msg }) => msg === message);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? '')),
  );
  return { child, logged, ended };
}
