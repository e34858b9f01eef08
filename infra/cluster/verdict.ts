/** Whether the live mesh behaves as declared: asked of the probe, which is a program of its own, and remembered. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from './command.ts';

/** What was found last, and when. */
export interface Verdict {
  readonly kind: 'holds' | 'refuted' | 'failed';
  /** One line. */
  readonly words: string;
  /** ISO 8601. */
  readonly at: string;
}

const fileName = 'verdict.json';

/** The last verdict, undefined when there was none. */
export async function tryReadVerdict(state: string): Promise<Verdict | undefined> {
  const file = join(state, fileName);
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Verdict) : undefined;
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

/** Asks the probe of this repository about one cluster. Its last line of output is its summary. */
export async function probeCluster(
  run: Run,
  { root, context, intent }: { readonly root: string; readonly context: string; readonly intent: string },
): Promise<Verdict> {
  const cli = join(root, 'policies', 'cli', 'bin.ts');
  const { code, stdout, stderr } = await run(process.execPath, [
    cli,
    'probe',
    '--context',
    context,
    '--intent',
    intent,
  ]);
  const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');
  const words = lines(stdout).at(-1) ?? lines(stderr).at(-1) ?? 'no words';
  return { kind: kinds[code ?? 1] ?? 'failed', words, at: new Date().toISOString() };
}
