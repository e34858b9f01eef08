/**
 * Other people's engines that the benchmarks compare with. They are no dependencies of the repository: a benchmark
 * installs what it compares with into `.meshwright/bench/peers` the first time, without install scripts. Where that
 * fails, or the peer does not run here, its rows are not measured, and a row not measured never holds.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tell } from './budget.ts';

const FOLDER = fileURLToPath(new URL('../../.meshwright/bench/peers/', import.meta.url));

/** The npm packages: cedar and casbin are Apache-2.0, yaml is ISC, z3-solver MIT. */
const VERSIONS = {
  '@cedar-policy/cedar-wasm': '4.13.0',
  casbin: '5.51.1',
  yaml: '2.9.1',
  'z3-solver': '5.2.0',
} as const;

/** network-config-analyzer of PyPI, Apache-2.0. */
const ANALYZER = '2.1.0';

/** A registry that does not answer counts as a peer that cannot be installed. */
const INSTALL_MS = 120_000;

/** A row without its peer. */
export interface NotMeasured {
  readonly name: string;
  readonly missing: string;
  readonly holds: false;
}

/** The row of that name without its peer. */
export function notMeasured(name: string, missing: string): NotMeasured {
  return { name, missing, holds: false };
}

/** A peer with its version for the row's name. */
export interface Peer<T> {
  readonly title: string;
  readonly use: T;
}

/** What the package exports under `entry`; undefined where it cannot be installed. The caller says what it uses of it. */
export function tryPeer<T>(name: keyof typeof VERSIONS, entry: string = name): Peer<T> | undefined {
  const version = VERSIONS[name];
  const title = `${name} ${version}`;
  const manifest = join(FOLDER, 'node_modules', name, 'package.json');
  const isThere = () =>
    existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version === version;
  const options = ['--save-exact', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const isReady =
    isThere() || tryInstall(title, 'npm', ['install', '--prefix', FOLDER, ...options, `${name}@${version}`]);
  return isReady ? { title, use: createRequire(join(FOLDER, 'package.json'))(entry) as T } : undefined;
}

/** The program of network-config-analyzer; undefined where it cannot be installed, which takes Python 3. */
export function tryAnalyzer(): Peer<string> | undefined {
  const title = `network-config-analyzer ${ANALYZER}`;
  const python = join(FOLDER, 'python');
  const program = join(python, 'bin/nca');
  const isReady =
    existsSync(program) ||
    (tryInstall(title, 'python3', ['-m', 'venv', python]) &&
      tryInstall(title, join(python, 'bin/pip'), ['install', '--quiet', `network-config-analyzer==${ANALYZER}`]));
  return isReady ? { title, use: program } : undefined;
}

/** Runs a step of an installation; says on stderr what failed. */
function tryInstall(title: string, program: string, args: readonly string[]): boolean {
  mkdirSync(FOLDER, { recursive: true });
  tell(`${title}: installing into .meshwright/bench/peers`);
  try {
    execFileSync(program, args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'pipe'], timeout: INSTALL_MS });
    return true;
  } catch (error) {
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    process.stderr.write(`${title} cannot be installed: its rows are not measured: ${line}\n`);
    return false;
  }
}
