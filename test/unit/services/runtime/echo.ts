import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type CallTerms, call, type ServiceDeclaration } from '#services/runtime/declaration.ts';
import {
  type Build,
  type Handlers,
  type PromiseClient,
  type RunningService,
  type ServiceContext,
  startService,
} from '#services/runtime/index.ts';
import { base, EchoService, EchoServiceService, echo } from './echo-contract.ts';

type Echo = typeof EchoServiceService;

/** The terms of a call in these tests. */
export function terms(timeoutMs: number): CallTerms {
  return { timeoutMs, owner: 'team-test', reason: 'to be tested' };
}

/** The declaration of a caller that may call everything. */
export function callerDeclaration(timeoutMs: number): ServiceDeclaration {
  const { write, read, follow } = EchoService.methods;
  const calls = [write, read, follow].map((reference) => call(reference, terms(timeoutMs)));
  return { ...base, name: 'caller', serviceAccount: 'caller', contracts: [], calls };
}

/** Collects log lines. */
export class LogLines {
  readonly lines: Record<string, unknown>[] = [];
  text = '';

  write(line: string): void {
    this.text += line;
    this.lines.push(JSON.parse(line));
  }

  /** The lines that served calls left. */
  calls(): readonly Record<string, unknown>[] {
    return this.lines.filter(({ msg }) => msg === 'call' || msg === 'call failed');
  }
}

/** A folder for sockets that is gone after the test. */
export function socketFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mw-rt-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a service that is stopped after the test. */
export async function started(
  declaration: ServiceDeclaration,
  env: Readonly<Record<string, string>>,
  build: Build,
): Promise<RunningService & { readonly logs: LogLines }> {
  const logs = new LogLines();
  const service = await startService(declaration, { DRAIN_MS: '100', ...env }, build, { logTo: logs });
  onTestFinished(() => service.stop());
  return { ...service, logs };
}

const silent: Handlers<Echo> = {
  write: async (request) => request,
  read: async (request) => request,
  async *follow(request) {
    yield request;
  },
};

/** Starts the callee with some handlers of the test's own; the others echo. */
export async function startEcho(
  handlers: Partial<Handlers<Echo>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<RunningService & { readonly logs: LogLines }> {
  const listen = { LISTEN: `unix:${join(socketFolder(), 'echo.sock')}` };
  return await started(echo, { ...listen, ...env }, async () => [[EchoServiceService, { ...silent, ...handlers }]]);
}

/** A caller of the callee at `address`, and its context. */
export async function startCaller(
  address: string,
  timeoutMs = 5000,
  env: Readonly<Record<string, string>> = {},
): Promise<{
  readonly client: PromiseClient<Echo>;
  readonly context: ServiceContext;
  readonly service: RunningService;
}> {
  let built: ServiceContext | undefined;
  const listen = { LISTEN: `unix:${join(socketFolder(), 'caller.sock')}`, UPSTREAM_ECHO: address };
  const service = await started(callerDeclaration(timeoutMs), { ...listen, ...env }, async (context) => {
    built = context;
    return [];
  });
  if (built === undefined) throw new Error('the caller was not built');
  return { client: built.client(EchoServiceService, 'echo'), context: built, service };
}
