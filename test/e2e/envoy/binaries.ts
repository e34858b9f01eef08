import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = {
  etcd: 'ETCD',
  'kube-apiserver': 'KUBE_APISERVER',
  'pilot-discovery': 'PILOT_DISCOVERY',
  istioctl: 'ISTIOCTL',
  envoy: 'ENVOY',
  go: 'GO',
} as const;

/** The programs that the differential runs. */
export type BinaryName = keyof typeof names;

/** Where each program lies: absolute or relative paths. */
export type Binaries = Readonly<Record<BinaryName, string>>;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Finds one program by its environment variable, else on PATH. */
export function tryFindBinary(name: BinaryName, env: NodeJS.ProcessEnv): string | undefined {
  const named = env[names[name]];
  if (named !== undefined && named !== '') return isExecutable(named) ? named : undefined;
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * Finds every program by its environment variable, else on PATH.
 * Errors: the missing ones, each with its variable: `envoy (ENVOY)`.
 */
export function findBinaries(
  env: NodeJS.ProcessEnv,
): { readonly ok: true; readonly value: Binaries } | { readonly ok: false; readonly missing: readonly string[] } {
  const found = (Object.keys(names) as BinaryName[]).map((name) => [name, tryFindBinary(name, env)] as const);
  const missing = found.filter(([, file]) => file === undefined).map(([name]) => `${name} (${names[name]})`);
  return missing.length > 0 ? { ok: false, missing } : { ok: true, value: Object.fromEntries(found) as Binaries };
}
