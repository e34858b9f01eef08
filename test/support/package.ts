/**
 * `make package`: writes the command line as a package of its own to `dist/npm/`, and packs it. Everything that
 * `policies/cli` and the doors reach is emitted as JavaScript with declarations; what it needs is read off the emitted
 * imports, so that no dependency is listed that nothing imports.
 */
import { execFile } from 'node:child_process';
import { copyFile, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** What users may import, by the source file of each door. `language/*` is open file by file. */
const DOORS: Readonly<Record<string, string>> = {
  '.': 'analysis/index',
  './lint': 'analysis/lint/lint',
  './explain': 'analysis/explain/explain',
  './cli': 'cli/main',
  './cdk8s': 'cli/cdk8s/validation',
};
const LANGUAGE = ['document', 'parse', 'validate', 'print', 'problem', 'mesh', 'authorization', 'traffic'];

/** Writes the package to `folder` and returns the path of its tarball. Errors: throws when the sources do not compile. */
export async function writePackage(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'schemas'), { recursive: true });
  await emit(folder);
  for await (const schema of glob('policies/*/{,schemas/}*.schema.json', { cwd: root }))
    await copyFile(join(root, schema), join(folder, 'schemas', basename(schema)));
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  await copyFile(join(root, 'policies/cli/package-readme.md'), join(folder, 'README.md'));
  const bin = await readFile(join(root, 'policies/cli/bin.js'), 'utf8');
  await writeFile(join(folder, 'cli/bin.js'), bin.replace('./main.ts', './main.js'), { mode: 0o755 });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(await manifest(folder), null, 2)}\n`);
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: folder });
  return join(folder, packedName(stdout));
}

async function emit(folder: string): Promise<void> {
  const sources = [...Object.values(DOORS), ...LANGUAGE.map((name) => `language/${name}`)];
  const configuration = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      noEmitOnError: true,
      allowImportingTsExtensions: false,
      rewriteRelativeImportExtensions: true,
      declaration: true,
      rootDir: join(root, 'policies'),
      outDir: folder,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [],
    files: sources.map((source) => join(root, 'policies', `${source}.ts`)),
  };
  const file = join(folder, 'tsconfig.json');
  await writeFile(file, JSON.stringify(configuration));
  await run(process.execPath, [join(root, 'node_modules/typescript-7/bin/tsc'), '-p', file], { cwd: root }).catch(
    (cause: unknown) => {
      const output = typeof cause === 'object' && cause !== null && 'stdout' in cause ? String(cause.stdout) : '';
      throw new Error(`the package does not compile:\n${output}`, { cause });
    },
  );
  await rm(file);
}

interface RootManifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

async function manifest(folder: string): Promise<object> {
  const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as RootManifest;
  const needed = await importedPackages(folder, IMPORT);
  const optional = await importedPackages(folder, LAZY_IMPORT);
  const doors = Object.entries(DOORS).map(([door, source]) => [door, target(source)] as const);
  return {
    name: 'meshwright',
    version: own.version,
    description: 'Decides, explains and lints what the policies of an Istio mesh allow, from its YAML.',
    license: own.license,
    type: 'module',
    engines: { node: '>=22' },
    bin: { meshwright: 'cli/bin.js' },
    // cdk8s loads a plugin by the folder of its package, which knows no `exports`
    main: './cli/cdk8s/validation.js',
    exports: {
      ...Object.fromEntries(doors),
      './language/*': target('language/*'),
      './schemas/*': './schemas/*',
      './package.json': './package.json',
    },
    files: ['analysis', 'cli', 'language', 'probe', 'schemas'],
    dependencies: Object.fromEntries(needed.map((name) => [name, versionOf(name, own)])),
    peerDependencies: Object.fromEntries(optional.map((name) => [name, `^${versionOf(name, own)}`])),
    peerDependenciesMeta: Object.fromEntries(optional.map((name) => [name, { optional: true }])),
  };
}

const target = (source: string) => ({ types: `./${source}.d.ts`, default: `./${source}.js` });

function versionOf(name: string, { dependencies }: RootManifest): string {
  const version = dependencies[name];
  if (version === undefined) throw new Error(`\`${name}\` is imported and is no dependency of the repository`);
  return version;
}

/** A static import or re-export, as the compiler prints them. */
const IMPORT = /^(?:import|export)\s+(?:[\w*{}\s,$]+\s+from\s+)?['"]([^'"]+)['"]/gm;

/** An import while the program runs: whoever never uses that verb need not have the package. */
const LAZY_IMPORT = /\bimport\(['"]([^'"]+)['"]\)/g;

/** The packages that the emitted JavaScript imports in one of both ways, sorted. */
async function importedPackages(folder: string, imports: RegExp): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const file of glob('{analysis,cli,language}/**/*.js', { cwd: folder })) {
    const text = await readFile(join(folder, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(imports)) {
      const isOwn = specifier.startsWith('.') || specifier.startsWith('node:') || builtinModules.includes(specifier);
      if (!isOwn)
        names.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  }
  return [...names].toSorted();
}

/** The file name in the JSON of `npm pack`: a list, or since npm 12 an object by package name. */
function packedName(json: string): string {
  const packed = JSON.parse(json) as Readonly<Record<string, { readonly filename: string }>>;
  const [first] = Object.values(packed);
  if (first === undefined) throw new Error('npm pack named no file');
  return first.filename;
}

if (import.meta.main) {
  const tarball = await writePackage(join(root, 'dist/npm'));
  process.stdout.write(`${tarball}\n`);
}
