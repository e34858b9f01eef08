/**
 * Goldens of synthesis: `test/golden/<environment>/<namespace>/<kind>.<name>.yaml`, and `istio.yaml` and `intent.json`
 * beside them. Run as a program (`make golden`) this file rewrites them; tests only compare.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environments } from '#infra/environments/index.ts';
import { printYaml } from '#policies/language/print.ts';
import { objectsOf } from './manifest-object.ts';
import { synthesized } from './synthesized.ts';

const folder = fileURLToPath(new URL('../golden/', import.meta.url));

/** Every golden as synthesis gives it now, by its path below `test/golden/`. */
export async function freshGoldens(): Promise<ReadonlyMap<string, string>> {
  const goldens = new Map<string, string>();
  for (const { name } of environments) {
    const files = await synthesized(name);
    for (const object of objectsOf(files)) {
      const { kind, metadata } = object;
      const chart = metadata.namespace ?? 'cluster';
      const path = `${name}/${chart}/${kind}.${metadata.name}.yaml`;
      if (goldens.has(path)) throw new Error(`two objects would be the golden \`${path}\``);
      goldens.set(path, printYaml(object));
    }
    goldens.set(`${name}/istio.yaml`, files.get('istio.yaml') ?? '');
    goldens.set(`${name}/intent.json`, files.get('intent.json') ?? '');
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
