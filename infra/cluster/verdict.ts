/** Whether the live mesh behaves as declared: asked of the probe, which is a program of its own, and remembered. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from './command.ts';
import type { KubernetesObject } from './manifests.ts';
import type { LiveObject } from './prune.ts';

/** What was found last, and when. */
export interface Verdict {
  readonly kind: 'holds' | 'refuted' | 'failed';
  /** One line. */
  readonly words: string;
  /** ISO 8601. */
  readonly at: string;
  /** Digest of what was judged: what was applied, and every policy that was live. */
  readonly subject: string;
}

const fileName = 'verdict.json';

/** The last verdict, undefined when there was none. */
export async function tryReadVerdict(state: string): Promise<Verdict | undefined> {
  const file = join(state, fileName);
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Verdict) : undefined;
}

/** The digest of what a verdict is about: equal digests mean that nothing which grants or refuses has changed. */
export function subjectOf(
  applied: readonly KubernetesObject[],
  live: readonly { readonly kind: string; readonly object: LiveObject }[],
): string {
  const policies = live
    .map(({ kind, object: { metadata } }) => `${kind} ${metadata.uid} ${metadata.generation}`)
    .sort();
  return createHash('sha256')
    .update(JSON.stringify([applied, policies]))
    .digest('hex');
}

/** Remembers a verdict. */
export async function keepVerdict(state: string, verdict: Verdict): Promise<void> {
  await mkdir(state, { recursive: true });
  await writeFile(join(state, fileName), `${JSON.stringify(verdict)}\n`);
}

/** One line about the last verdict. */
export function printVerdict(verdict: Verdict | undefined, now: Date): string {
  if (verdict === undefined) return 'conformance: not probed yet';
  const minutes = Math.max(0, Math.round((now.getTime() - new Date(verdict.at).getTime()) / 60_000));
  return `conformance: ${verdict.kind}, ${verdict.words} (${minutes} min ago)`;
}

const kinds: Readonly<Record<number, Verdict['kind']>> = { 0: 'holds', 2: 'refuted' };

/** What the probe is asked about. */
export interface ProbeRequest {
  /** The repository. */
  readonly root: string;
  readonly context: string;
  /** The declared relation, `intent.json`. */
  readonly intent: string;
  /** The private key of users' tokens. */
  readonly userKey: string;
  readonly subject: string;
}

/** Asks the probe of this repository about one cluster. Its last line of output is its summary. */
export async function probeCluster(
  run: Run,
  { root, context, intent, userKey, subject }: ProbeRequest,
): Promise<Verdict> {
  const cli = join(root, 'policies', 'cli', 'bin.js');
  const args = ['probe', '--context', context, '--intent', intent, '--user-key', userKey];
  const { code, stdout, stderr } = await run(process.execPath, [cli, ...args]);
  const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');
  const words = lines(stdout).at(-1) ?? lines(stderr).at(-1) ?? 'no words';
  return { kind: kinds[code ?? 1] ?? 'failed', words, at: new Date().toISOString(), subject };
}
