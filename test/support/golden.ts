/**
 * Goldens of synthesis: `test/golden/<environment>/<namespace>/<kind>.<name>.yaml`, and `istio.yaml` and `intent.json`
 * beside them. Of `kind-spire` only what differs from `kind` is kept, and the files of its issuer. Run as a program (`make golden`) this file rewrites them; tests only compare.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environments } from '#infra/environments/index.ts';
import { printYaml } from '#policies/language/print.ts';
import { objectsOf } from './manifest-object.ts';
import { synthesizedFolders } from './synthesized.ts';

const folder = fileURLToPath(new URL('../golden/', import.meta.url));

/** Every golden as synthesis gives it now, by its path below `test/golden/`. */
export async function freshGoldens(): Promise<ReadonlyMap<string, string>> {
  const goldens = new Map<string, string>();
  for (const { name } of environments) {
    const { files, issuer } = await synthesizedFolders(name);
    const add = (path: string, text: string): void => {
      const isKept = name === 'kind' || !name.startsWith('kind-') || goldens.get(`kind/${path}`) !== text;
      if (isKept) goldens.set(`${name}/${path}`, text);
    };
    for (const object of objectsOf(files)) {
      const { kind, metadata } = object;
      const chart = metadata.namespace ?? 'cluster';
      const path = `${chart}/${kind}.${metadata.name}.yaml`;
      if (goldens.has(`${name}/${path}`)) throw new Error(`two objects would be the golden \`${name}/${path}\``);
      add(path, printYaml(object));
    }
    for (const path of ['istio.yaml', 'intent.json']) add(path, files.get(path) ?? '');
    for (const [path, text] of issuer) add(`issuer/${path}`, text);
  }
  return goldens;
}

/** Every golden as it is committed, by its path below `test/golden/`. */
export function committedGoldens(): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .sort();
  return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

if (import.meta.main) {
  const goldens = await freshGoldens();
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of goldens) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  process.stdout.write(`test/golden: ${goldens.size} files\n`);
}
