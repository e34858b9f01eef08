/** A program: writes `FIGURES.md` beside it from the results that the last runs of the benchmarks kept. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { type Row, written } from './row.ts';

interface Kept {
  readonly name: string;
  readonly date: string;
  readonly machine: {
    readonly node: string;
    readonly system: string;
    readonly processor: string;
    readonly processors: number;
    readonly gibibytes: number;
    readonly load: number;
  };
  readonly rows: readonly Row[];
}

const FOLDER = new URL('../../.meshwright/bench/', import.meta.url);

async function kept(): Promise<readonly Kept[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).toSorted();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(new URL(name, FOLDER), 'utf8')) as Kept));
}

function table(results: readonly Kept[]): string {
  const machines = results.map(({ name, date, machine }) => {
    const { node, system, processor, processors, gibibytes, load } = machine;
    return `- ${name}: ${date.slice(0, 16).replace('T', ' ')} UTC, ${processors} cores ${processor}, ${gibibytes} GiB, ${system}, Node ${node.slice(1)}, load ${load.toFixed(1)}`;
  });
  const rows = results
    .flatMap((result) => result.rows.map(written))
    .map((row) => {
      const cells = [row.what, row.found, row.asked, row.verdict, row.beside];
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    });
  return `# What was measured

Written by \`node test/bench/table.ts\` from the results of \`make bench\`. Ratios are medians of interleaved runs with a bootstrap
95 % interval; the control is A against A. A row whose control leaves 0.9 to 1.1 is INVALID and says nothing.

| what | found | asked | verdict | beside |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

${machines.join('\n')}
`;
}

await writeFile(new URL('FIGURES.md', import.meta.url), table(await kept()));
