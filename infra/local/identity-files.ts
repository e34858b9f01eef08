import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority, Credential } from './authority.ts';

/** A workload's identity as TLS wants it. Shape: PEM texts; `ca` is the bundle of trusted roots. */
export interface IdentityMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

const pairFile = 'svid.pem';
const bundleFile = 'bundle.pem';

/** The file of `folder` whose replacement announces a new identity. */
export function identityFile(folder: string): string {
  return join(folder, pairFile);
}

/**
 * Writes an identity so that a reader sees the old pair or the new one, never half of each: certificate and key are
 * one file, replaced by rename. Files 0600 in a folder 0700.
 */
export function writeIdentity(folder: string, credential: Credential, bundle: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  replace(join(folder, bundleFile), bundle);
  replace(join(folder, pairFile), `${credential.certificate}${credential.privateKey}`);
}

function replace(file: string, text: string): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
}

/** Reads what `writeIdentity` wrote. Errors: throws when a part is missing. */
export async function readIdentity(folder: string): Promise<IdentityMaterial> {
  const [pair, ca] = await Promise.all([
    readFile(join(folder, pairFile), 'utf8'),
    readFile(join(folder, bundleFile), 'utf8'),
  ]);
  const split = pair.indexOf('-----BEGIN PRIVATE KEY-----');
  if (split < 0) throw new Error(`identity file \`${join(folder, pairFile)}\` holds no private key`);
  return { cert: pair.slice(0, split), key: pair.slice(split), ca };
}

/** Keeps identities on disk fresh until stopped. */
export interface Rotation {
  stop(): void;
}

/** Whose identities are rotated, and how fast. */
export interface RotationOptions {
  readonly authority: Authority;
  readonly lifetimeMs: number;
  /** Folder by SPIFFE ID. */
  readonly folders: ReadonlyMap<string, string>;
  /** Hears of a rotation that failed; the old identity stays until the next attempt. */
  readonly onError: (error: unknown) => void;
}

/**
 * Writes every identity once, then again at half of its lifetime, timed by the monotonic clock; resolves after the
 * first writing.
 */
export async function rotateIdentities(options: RotationOptions): Promise<Rotation> {
  const renew = async (): Promise<void> => {
    for (const [spiffeId, folder] of options.folders) {
      const credential = await options.authority.issue({ spiffeId, lifetimeMs: options.lifetimeMs });
      writeIdentity(folder, credential, options.authority.bundle);
    }
  };
  await renew();
  const timer = setInterval(() => void renew().catch(options.onError), options.lifetimeMs / 2);
  return { stop: () => clearInterval(timer) };
}
