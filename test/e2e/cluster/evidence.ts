/** Writes the figures of the last run into the README of this folder, so that nobody copies them by hand. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Platform } from './platform.ts';

interface LastRun {
  readonly startedAt: string;
  readonly seconds: number;
  readonly failures: number;
  readonly platform: Platform;
  readonly layersSeen: Readonly<Record<string, number>>;
  readonly phases: readonly { readonly name: string; readonly seconds: number; readonly cells: readonly unknown[] }[];
  readonly ways: readonly unknown[];
  readonly seed: readonly { readonly caller: string; readonly outcome: string }[];
  readonly selfTests: readonly { readonly name: string; readonly differing: number; readonly turnedRed: boolean }[];
  readonly trace: { readonly spans: number; readonly faults: readonly string[] };
}

const marker = '<!-- evidence -->';
const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The figures as lines of Markdown. */
function linesOf(run: LastRun): readonly string[] {
  const { kubernetes, istio, machine, node } = run.platform;
  const phases = run.phases.map(({ name, cells, seconds }) => `${name} ${cells.length} (${seconds.toFixed(0)} s)`);
  const depths = Object.entries(run.layersSeen).toSorted(([left], [right]) => Number(right) - Number(left));
  const letIn = run.seed.filter(({ outcome }) => outcome === 'let in').map(({ caller }) => caller);
  const red = run.selfTests.map(
    ({ name, turnedRed, differing }) => `${name}: ${turnedRed ? `red, ${differing} calls` : 'not noticed'}`,
  );
  return [
    `${run.startedAt.slice(0, 10)}, Kubernetes ${kubernetes}, Istio ${istio}, Node ${node}, ${machine}; ${run.seconds.toFixed(0)} s, ${run.failures} failures.`,
    `Calls: ${phases.join(', ')}; ways around ${run.ways.length}.`,
    `Layers seen to refuse a call: ${depths.map(([depth, count]) => `${depth}: ${count}`).join(', ')}. Let in to \`SubmitTrade\`: ${letIn.join(', ')} of ${run.seed.length}.`,
    `${red.join('; ')}. Trace: ${run.trace.spans} spans, ${run.trace.faults.length} faults.`,
  ];
}

const run = JSON.parse(await readFile(file('../../../.meshwright/e2e/report.json'), 'utf8')) as LastRun;
const readme = file('./README.md');
const text = await readFile(readme, 'utf8');
const head = text.slice(0, text.indexOf(marker) + marker.length);
await writeFile(readme, `${head}\n${linesOf(run).join('\n')}\n`);
