/** The images of this repository's services, named after their content, built only when it changed. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, digestOfSources } from './bundle.ts';
import { ClusterError } from './cluster-error.ts';
import { expectOutput, type Run } from './command.ts';

/** Where things are and how programs are run. */
export interface ImageWorkshop {
  readonly run: Run;
  /** The repository. */
  readonly root: string;
  /** A folder of our own that outlives a run. */
  readonly state: string;
  readonly baseImage: string;
}

/** What one service image is to be. */
export interface ImageRequest {
  readonly service: string;
  /** The reference of the manifests, whose tag the content's is added to: `localhost/meshwright/order:0.1.0`. */
  readonly reference: string;
}

/** One image as it is in the engine now. */
export interface ServiceImage extends ImageRequest {
  /** The reference with the content in its tag: `localhost/meshwright/order:0.1.0-3f1c…`. */
  readonly built: string;
  readonly outcome: 'built' | 'unchanged';
}

/** What an earlier run knows: the content of a bundle by the digest of its sources. */
interface Remembered {
  readonly sources: readonly string[];
  readonly sourceDigest: string;
  readonly contentDigest: string;
}

/** The program that asks, from inside a pod, what it may reach. */
const probeEntry = 'policies/probe/main.ts';
const dockerfile = 'infra/cluster/Dockerfile';
const tagDigits = 12;

const sha256 = (...parts: readonly (string | Buffer)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
};

/** The program text of `entry`, read from the memory of an earlier run while no source of it has changed. */
async function bundled(
  shop: ImageWorkshop,
  entry: string,
): Promise<{ readonly file: string; readonly digest: string }> {
  const folder = join(shop.state, 'bundles');
  const name = entry.replaceAll('/', '-').replace(/\.ts$/, '');
  const file = join(folder, `${name}.js`);
  const record = join(folder, `${name}.json`);
  const known = existsSync(record) ? (JSON.parse(await readFile(record, 'utf8')) as Remembered) : undefined;
  if (
    known !== undefined &&
    existsSync(file) &&
    (await digestOfSources(shop.root, known.sources)) === known.sourceDigest
  )
    return { file, digest: known.contentDigest };
  const made = await bundle(shop.root, entry);
  const sourceDigest = await digestOfSources(shop.root, made.sources);
  if (sourceDigest === null) throw new ClusterError(`a source of ${entry} went while it was bundled`, []);
  await mkdir(folder, { recursive: true });
  const digest = sha256(made.text);
  await writeFile(file, made.text);
  await writeFile(
    record,
    JSON.stringify({ sources: made.sources, sourceDigest, contentDigest: digest } satisfies Remembered),
  );
  return { file, digest };
}

/** The id of the base image, fetched by the engine when it is not there. Errors: ClusterError with the engine's words. */
async function baseImageId({ run, baseImage }: ImageWorkshop): Promise<string> {
  const inspect = ['image', 'inspect', '--format', '{{.Id}}', baseImage];
  const found = await run('docker', inspect);
  if (found.code === 0) return found.stdout.trim();
  await expectOutput(run, ['docker', 'pull', '--quiet', baseImage]);
  return (await expectOutput(run, ['docker', ...inspect])).trim();
}

/** A probe that is not part of this version is a program that says so. */
const noProbe = "process.stderr.write('probe: not part of this image\\n');\nprocess.exitCode = 1;\n";

/** Brings the images of `requests` to the content of their sources. Errors: ClusterError. */
export async function buildServiceImages(
  shop: ImageWorkshop,
  requests: readonly ImageRequest[],
): Promise<readonly ServiceImage[]> {
  const { run, root } = shop;
  const [base, recipe] = await Promise.all([baseImageId(shop), readFile(join(root, dockerfile))]);
  const probe = existsSync(join(root, probeEntry)) ? await bundled(shop, probeEntry) : undefined;
  const images: ServiceImage[] = [];
  for (const request of requests) {
    const program = await bundled(shop, `services/${request.service}/main.ts`);
    const content = sha256(base, recipe, program.digest, probe?.digest ?? noProbe).slice(0, tagDigits);
    const built = `${request.reference}-${content}`;
    const { code } = await run('docker', ['image', 'inspect', '--format', '{{.Id}}', built]);
    if (code !== 0) await buildOne(shop, { built, main: program.file, probe: probe?.file });
    images.push({ ...request, built, outcome: code === 0 ? 'unchanged' : 'built' });
  }
  return images;
}

async function buildOne(
  { run, root, state, baseImage }: ImageWorkshop,
  { built, main, probe }: { readonly built: string; readonly main: string; readonly probe: string | undefined },
): Promise<void> {
  // In our own folder: what an interrupted run leaves goes with `make down`.
  const context = await mkdtemp(join(state, 'context-'));
  try {
    await writeFile(join(context, 'main.js'), await readFile(main), { mode: 0o644 });
    await writeFile(join(context, 'probe.js'), probe === undefined ? noProbe : await readFile(probe), { mode: 0o644 });
    // Both files are modules; without this line Node would have to find that out.
    await writeFile(join(context, 'package.json'), '{"type":"module"}\n', { mode: 0o644 });
    const recipe = join(root, dockerfile);
    const options = ['--network', 'none', '--quiet', '--build-arg', `BASE=${baseImage}`, '--tag', built];
    await expectOutput(run, ['docker', 'build', ...options, '--file', recipe, context]);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** The images of the engine whose reference fits `pattern`. Shape: `localhost/meshwright/*` gives `['localhost/meshwright/order:0.1.0-3f1c…']`. */
export async function imagesLike(run: Run, pattern: string): Promise<readonly string[]> {
  const format = ['--format', '{{.Repository}}:{{.Tag}}'];
  const { stdout } = await run('docker', ['image', 'ls', ...format, '--filter', `reference=${pattern}`]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Removes older contents of the same references from the engine; images that a container uses stay. */
export async function removeOlderImages(run: Run, current: readonly ServiceImage[]): Promise<void> {
  for (const { reference, built } of current) {
    const older = (await imagesLike(run, `${reference}-*`)).filter((image) => image !== built);
    if (older.length > 0) await run('docker', ['image', 'rm', ...older]);
  }
}
