/** Looks at this machine; `preflight.ts` judges what was found. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Run } from './command.ts';
import type { Engine, Machine, Tool } from './preflight.ts';

/** What is looked for: the port of the gateway, and the container that would be our node. */
export interface Places {
  readonly gatewayPort: number;
  readonly nodeContainer: string;
}

/** Two numbers out of `v1.36.1` and its like; null when there are none. */
function versionIn(text: string): readonly [number, number] | null {
  const [, major, minor] = /\bv?(\d+)\.(\d+)/.exec(text) ?? [];
  return major === undefined ? null : [Number(major), Number(minor)];
}

async function findTool(run: Run, program: string, ...args: readonly string[]): Promise<Tool> {
  const { code, stdout } = await run(program, args);
  return code === null ? { kind: 'missing' } : { kind: 'found', version: versionIn(stdout) };
}

async function findEngine(run: Run): Promise<Engine> {
  const format = '{{.ServerVersion}} {{.CgroupVersion}} {{json .ServerErrors}}';
  const { code, stdout, stderr } = await run('docker', ['info', '--format', format]);
  if (code === null) return { kind: 'missing' };
  const [version = '', cgroups] = stdout.trim().split(' ');
  if (code !== 0 || versionIn(version) === null)
    return { kind: 'unreachable', because: (stderr || stdout).trim().split('\n').at(-1) ?? '' };
  const known = { 1: 'v1', 2: 'v2' } as const;
  return { kind: 'ready', version: versionIn(version), cgroups: known[cgroups as '1' | '2'] ?? 'unknown' };
}

async function tryReadNumber(file: string, pattern: RegExp): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [, digits] = pattern.exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}

async function readInotify(): Promise<Machine['inotify']> {
  const read = (name: string) => tryReadNumber(`/proc/sys/fs/inotify/${name}`, /(\d+)/);
  const [instances, watches] = await Promise.all([read('max_user_instances'), read('max_user_watches')]);
  return instances === null || watches === null ? null : { instances, watches };
}

function tryBind(port: number): Promise<'free' | 'taken'> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve('taken'));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve('free')));
  });
}

async function nodeExists(run: Run, container: string): Promise<Machine['node']> {
  const { code } = await run('docker', ['container', 'inspect', '--format', '{{.State.Running}}', container]);
  return code === 0 ? 'present' : 'absent';
}

/** Gathers the facts, several at a time. */
export async function inspectMachine(run: Run, { gatewayPort, nodeContainer }: Places): Promise<Machine> {
  const [engine, kind, kubectl, istioctl, memory, inotify, port, node] = await Promise.all([
    findEngine(run),
    findTool(run, 'kind', 'version', '--quiet'),
    findTool(run, 'kubectl', 'version', '--client'),
    findTool(run, 'istioctl', 'version', '--remote=false', '--short'),
    tryReadNumber('/proc/meminfo', /^MemAvailable:\s+(\d+) kB/m),
    readInotify(),
    tryBind(gatewayPort),
    nodeExists(run, nodeContainer),
  ]);
  return {
    engine,
    kind,
    kubectl,
    istioctl,
    availableMemoryMiB: memory === null ? null : Math.floor(memory / 1024),
    inotify,
    gatewayPort: { number: gatewayPort, kind: port },
    node,
  };
}
