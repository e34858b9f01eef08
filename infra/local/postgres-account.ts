import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The unprivileged user that the database server runs as; undefined ids mean the user of this process. */
export interface ServerAccount {
  readonly ids: { readonly uid: number; readonly gid: number } | undefined;
  readonly name: string;
}

/**
 * Chooses the user of the database server: this process's own, or, for root (which PostgreSQL refuses), the owner of
 * an existing data directory, else the existing system user `postgres`, else `nobody`. Creates no user.
 */
export function serverAccount(dataDirectory: string): ServerAccount {
  if (process.getuid?.() !== 0) return { ids: undefined, name: 'the current user' };
  const owner = statSync(dataDirectory, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) {
    return { ids: { uid: owner.uid, gid: owner.gid }, name: `user id ${owner.uid}` };
  }
  const known = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = known.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields?.[2] !== undefined && fields[3] !== undefined) {
      return { ids: { uid: Number(fields[2]), gid: Number(fields[3]) }, name: `the existing system user \`${name}\`` };
    }
  }
  return { ids: { uid: 65534, gid: 65534 }, name: 'user id 65534' };
}

/** The first folder above `path` that `account` cannot pass through, undefined when it can reach `path`. */
export function tryFindBarrier(path: string, account: ServerAccount): string | undefined {
  const ids = account.ids;
  if (ids === undefined) return undefined;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found !== undefined && !passable(found, ids)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function passable(folder: { uid: number; gid: number; mode: number }, ids: { uid: number; gid: number }): boolean {
  if (folder.uid === ids.uid) return (folder.mode & 0o100) !== 0;
  if (folder.gid === ids.gid) return (folder.mode & 0o010) !== 0;
  return (folder.mode & 0o001) !== 0;
}
