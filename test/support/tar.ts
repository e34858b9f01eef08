/** Reads plain tar archives, enough for the recorded sets. */
import { gunzipSync } from 'node:zlib';

/** The regular files of a gzipped ustar archive by path. Errors: throws when a header is broken. */
export function readTarGz(archive: Uint8Array): ReadonlyMap<string, string> {
  const bytes = gunzipSync(archive);
  const files = new Map<string, string>();
  let at = 0;
  while (at + 512 <= bytes.length && bytes[at] !== 0) {
    const header = bytes.subarray(at, at + 512);
    const field = (from: number, length: number) => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12), 8);
    if (Number.isNaN(size)) throw new Error(`broken tar header at byte ${at}`);
    const prefix = field(345, 155);
    const name = prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`;
    if (field(156, 1) === '0' || field(156, 1) === '')
      files.set(name, bytes.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
