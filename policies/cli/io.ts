/** The streams of a command, given to it so that tests can hold both ends. */
import type { Readable, Writable } from 'node:stream';
import type { Limits } from './limits.ts';

/** Standard input, output and error. Results go to stdout, everything else to stderr. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** @default - `DEFAULT_LIMITS`; `main` sets what `--max-input` says */
  readonly limits?: Limits;
}

/** Writes whole lines and waits while the reader is slow; rejects when the reader has gone. */
export class LineWriter {
  readonly #stream: Writable;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  async write(line: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stream.write(`${line}\n`)) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        for (const event of ['drain', 'error', 'close']) this.#stream.off(event, settle);
        if (this.#failure === undefined) resolve();
        else reject(this.#failure);
      };
      for (const event of ['drain', 'error', 'close']) this.#stream.on(event, settle);
    });
  }
}
