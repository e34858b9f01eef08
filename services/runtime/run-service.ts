import { ConfigurationError } from './configuration.ts';
import type { ServiceDeclaration } from './declaration.ts';
import { type Build, startService } from './start-service.ts';

/** How a service process ends. */
const exitCodes = { stopped: 0, failed: 1, misconfigured: 3 } as const;

/**
 * Runs a service as this process: `main.ts` of a service is this one call. It ends by SIGTERM or SIGINT, after a drain.
 * Exit codes: 0 stopped as asked, 1 could not start or broke, 3 configuration not valid (one line a problem on standard error).
 */
export async function runService(declaration: ServiceDeclaration, build: Build): Promise<void> {
  process.umask(0o077);
  try {
    const service = await startService(declaration, process.env, build);
    const signal = await firstSignal();
    service.log.info({ signal }, 'stopping');
    await service.stop();
    process.exit(exitCodes.stopped);
  } catch (thrown) {
    process.stderr.write(describeFailure(declaration.name, thrown));
    process.exit(thrown instanceof ConfigurationError ? exitCodes.misconfigured : exitCodes.failed);
  }
}

function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => resolve(signal));
  });
}

function describeFailure(service: string, thrown: unknown): string {
  if (thrown instanceof ConfigurationError)
    return thrown.problems.map((problem) => `${service}: ${problem}\n`).join('');
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return `${service}: ${text}\n`;
}
