import { type DestinationStream, type Logger, pino } from 'pino';

/** A log as services use it. */
export type { Logger };

/** What a process logs, and where to. */
export interface LoggingProps {
  readonly service: string;
  readonly level: string;
  readonly destination: DestinationStream;
}

/** Lines wait for a full buffer, or this long: milliseconds. One write a line would cost a quarter of all calls a second. */
const flushMs = 100;
const bufferBytes = 8 * 1024;

/** Standard output, written in blocks; what is buffered is written when the process exits. */
export function bufferedOutput(): DestinationStream {
  return pino.destination({ dest: 1, sync: false, minLength: bufferBytes, periodicFlush: flushMs });
}

/** The log of a process: JSON lines with ISO time, level as a word, and the service's name. */
export function createLogger({ service, level, destination }: LoggingProps): Logger {
  const options = {
    level,
    base: { service },
    timestamp: isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, destination);
}

let printedAt = Number.NaN;
let printed = '';

/** The time as a member of a line; printed once a millisecond, for many calls end in the same one. */
function isoTime(): string {
  const now = Date.now();
  if (now !== printedAt) {
    printedAt = now;
    printed = `,"time":"${new Date(now).toISOString()}"`;
  }
  return printed;
}
