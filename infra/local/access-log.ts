import { createWriteStream, renameSync } from 'node:fs';
import { finished } from 'node:stream/promises';

/** One finished exchange or connection, or one that was refused. Members that do not apply are null. */
export interface AccessEntry {
  /** ms since the epoch. */
  readonly at: number;
  readonly direction: 'inbound' | 'outbound';
  readonly port: number;
  readonly protocol: 'http' | 'tcp';
  readonly method: string | null;
  readonly path: string | null;
  readonly authority: string | null;
  readonly requestId: string | null;
  readonly traceId: string | null;
  /** The other end's SPIFFE ID and certificate serial. */
  readonly peer: string | null;
  readonly peerSerial: string | null;
  /** The TCP port of the caller, by which a caller finds its refused connection. */
  readonly peerPort: number | null;
  readonly http: number | null;
  readonly grpc: number | null;
  readonly durationMs: number;
  readonly verdict: 'allow' | 'deny' | 'none';
  /** The layer that refused; `transport`, `codec` and `upstream` are the sidecar's own, the others those of `decide`. */
  readonly layer: string;
  /** `namespace/name` of the deciding policy. */
  readonly policy: string | null;
  readonly rule: number | null;
  /** Why; it is told here and never to the caller. */
  readonly because: string | null;
}

/** Appends entries to a file, one JSON line each. */
export interface AccessLog {
  write(entry: AccessEntry): void;
  close(): Promise<void>;
}

// A reader polls the file after each answer, so that entries may wait a moment but not long.
const delayMs = 5;
const limitBytes = 64 * 1024 * 1024;

/** Opens an access log; beyond 64 MB it becomes `<file>.1` and a new one begins. Entries that the disk does not take in time (more than 4 MB waiting) are counted and dropped. */
export function openAccessLog(file: string): AccessLog {
  const open = () => createWriteStream(file, { flags: 'a', mode: 0o600 });
  let stream = open();
  let size = 0;
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  let dropped = 0;
  const flush = (): void => {
    timer = undefined;
    if (stream.writableLength < 4_000_000) stream.write(waiting);
    else dropped += 1;
    size += waiting.length;
    waiting = '';
    if (size > limitBytes) startAfresh();
  };
  const startAfresh = (): void => {
    size = 0;
    stream.end();
    renameSync(file, `${file}.1`);
    stream = open();
  };
  return {
    write(entry) {
      waiting += `${JSON.stringify(dropped === 0 ? entry : { ...entry, dropped })}\n`;
      timer ??= setTimeout(flush, delayMs);
    },
    async close() {
      clearTimeout(timer);
      if (waiting !== '') flush();
      stream.end();
      await finished(stream);
    },
  };
}
