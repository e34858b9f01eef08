import { readFile } from 'node:fs/promises';

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

const permissive = new Set([
  'MIT',
  'Apache-2.0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Unlicense',
  'PSF-2.0',
]);
/** File-level copyleft of tools that are never shipped. */
const developmentOnly = new Set(['MPL-2.0']);

const partsOf = (licence: string): readonly string[] => licence.replaceAll(/[()]/g, '').split(/ (?:AND|OR) /);

/** Every locked package must carry a licence that goes with Apache-2.0; every direct dependency must be pinned exactly. */
export async function checkLicences(): Promise<readonly string[]> {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };
  const manifest = JSON.parse(await readFile('package.json', 'utf8')) as Record<
    string,
    Record<string, string> | undefined
  >;
  const complaints: string[] = [];
  for (const [path, { license, dev, version }] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const fits = (part: string) => permissive.has(part) || (dev === true && developmentOnly.has(part));
    if (license === undefined || !partsOf(license).every(fits))
      complaints.push(`${path}@${version}: licence \`${license}\`: expected one that goes with Apache-2.0`);
  }
  for (const [name, range] of Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] })) {
    if (!/^(npm:.+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))
      complaints.push(`package.json: ${name}@${range}: expected an exact version`);
  }
  return complaints;
}
