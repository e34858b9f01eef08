/** How much a command takes in, so that hostile input ends in a located problem instead of an exhausted machine. */
import { createReadStream, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { problem, type Result } from '../language/problem.ts';

/** The most bytes of all manifests of one command together, of an intent, of settings and keys. */
export interface Limits {
  readonly inputBytes: number;
}

const MEBIBYTE = 2 ** 20;

/** What holds without `--max-input`: twice the YAML of a fleet of 10,000 services, within a heap of 2 GiB. */
export const DEFAULT_LIMITS: Limits = { inputBytes: 64 * MEBIBYTE };

/** The most bytes of one request: the proxies refuse heads of far less. */
export const REQUEST_BYTES = MEBIBYTE;

/** The limits of `--max-input`, whole mebibytes from 1 to 4096; undefined where the text is none. */
export function tryParseLimits(text: string): Limits | undefined {
  const mebibytes = Number(text);
  const isOne = /^\d+$/.test(text) && mebibytes >= 1 && mebibytes <= 4096;
  return isOne ? { inputBytes: mebibytes * MEBIBYTE } : undefined;
}

/**
 * Reads a file that may hold so many bytes and no more; a device or pipe without end is left in time.
 * Errors: `input/not-found`, `input/not-a-file`, `input/too-large`.
 */
export async function readFileWithin(file: string, mostBytes: number): Promise<Result<string>> {
  const found = await stat(file).catch(() => undefined);
  const at = { file, path: '', line: 1 };
  if (found === undefined) return { ok: false, problems: [problem('input/not-found', 'no such file', at)] };
  if (found.isDirectory())
    return { ok: false, problems: [problem('input/not-a-file', 'expected a file, got a folder', at)] };
  if (found.size > mostBytes) return tooLarge(file, mostBytes);
  if (!found.isFile() || found.size === 0) return readWithin(createReadStream(file), file, mostBytes);
  // at once, since it has an end: a stream waits for the thread pool at every 64 KiB, and nothing else is to be done
  const bytes = readFileSync(file);
  return bytes.byteLength > mostBytes ? tooLarge(file, mostBytes) : { ok: true, value: decode(bytes) };
}

/** Reads a stream to its end, or until it has given more bytes than it may. Errors: `input/too-large`. */
export async function readWithin(stream: Readable, name: string, mostBytes: number): Promise<Result<string>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
    bytes += part.byteLength;
    if (bytes > mostBytes) return tooLarge(name, mostBytes);
    chunks.push(part);
  }
  return { ok: true, value: decode(Buffer.concat(chunks)) };
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A text that is known already, where it is no larger than it may be. Errors: `input/too-large`. */
export function within(name: string, text: string, mostBytes: number): Result<string> {
  return Buffer.byteLength(text) > mostBytes ? tooLarge(name, mostBytes) : { ok: true, value: text };
}

function tooLarge(file: string, mostBytes: number): Result<string> {
  const message = `more than ${(mostBytes / MEBIBYTE).toFixed(0)} MiB`;
  const help = 'give fewer manifests at a time, or raise --max-input (MiB) where the memory is there';
  return { ok: false, problems: [problem('input/too-large', message, { file, path: '', line: 1 }, help)] };
}

/** Lines of a stream, in order; one that is longer than `mostBytes` is null, and what it held is let go. */
export async function* linesWithin(stream: Readable, mostBytes: number): AsyncGenerator<string | null> {
  const decoder = new TextDecoder();
  let rest = '';
  let isTooLong = false;
  for await (const chunk of stream) {
    const parts = (typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true })).split(
      /\r?\n/,
    );
    for (const [index, part] of parts.entries()) {
      if (index > 0) {
        yield isTooLong ? null : rest;
        [rest, isTooLong] = ['', false];
      }
      if (!isTooLong) rest += part;
      if (rest.length > mostBytes) [rest, isTooLong] = ['', true];
    }
  }
  if (isTooLong || rest !== '') yield isTooLong ? null : rest;
}
