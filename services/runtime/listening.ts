import { chmod, lstat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { type Address, printAddress } from './address.ts';

/**
 * Binds a server: removes a stale socket file first and makes a new one mode 0600, so that no other user ever gets in.
 * Errors: throws when the path is a file that is no socket, or when another process listens there.
 */
export async function bindPrivately<T>(address: Address, bind: () => Promise<T>): Promise<T> {
  if (address.kind === 'tcp') return await bind();
  await removeStaleSocket(address.path);
  const previous = process.umask(0o177);
  try {
    const bound = await bind();
    await chmod(address.path, 0o600);
    return bound;
  } finally {
    process.umask(previous);
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`cannot listen at \`${path}\`: expected a socket, got another kind of file`);
  if (await isAnswered(path)) {
    throw new Error(`cannot listen at \`${printAddress({ kind: 'unix', path })}\`: another process listens there`);
  }
  await unlink(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
