/**
 * A loopback address that no other test file uses, also not of a second run on this machine: it is made of the process
 * id. Elsewhere than on Linux only 127.0.0.1 is there.
 */
export function ownAddress(): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  return `127.${64 + ((process.pid >> 14) & 63)}.${(process.pid >> 7) & 127}.${1 + (process.pid & 127)}`;
}
