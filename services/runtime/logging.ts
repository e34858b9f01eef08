import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

/** A log as services use it. */
export type { Logger };

/** What a process logs, and where to. */
export interface LoggingProps {
  readonly service: string;
  readonly level: string;
  /** @default - standard output */
  readonly destination?: DestinationStream | undefined;
}

/** The log of a process: JSON lines with ISO time, level as a word, and the service's name. */
export function createLogger({ service, level, destination }: LoggingProps): Logger {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
