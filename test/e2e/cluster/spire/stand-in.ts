/**
 * Prepares the stand-in for SPIRE: builds its image and writes the folder that `make up IDENTITY=spire
 * SPIRE_MANIFESTS=<folder>` applies instead of SPIRE's own objects.
 * `node test/e2e/cluster/spire/stand-in.ts [folder]`
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '#infra/cluster/bundle.ts';
import { expectOutput, type Run, runCommand } from '#infra/cluster/command.ts';
import { readParameters } from '#infra/cluster/parameters.ts';
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';
import { standInManifests } from '../../../support/sds-agent/manifests.ts';
import { durationMs } from '../../../support/sds-agent/registrations.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** How the stand-in is prepared. */
export interface Preparation {
  readonly run: Run;
  readonly baseImage: string;
  /** `dist/kind-spire-issuer`. */
  readonly rendered: string;
  /** Where the manifests are written. */
  readonly folder: string;
  /** Lifetime of leaves. @default - that of the registrations */
  readonly leafLifetime?: string;
  readonly upstreamSecret?: string;
}

/** Builds the image from the base image of the services and gives its name. Errors: ClusterError with the engine's words. */
export async function buildStandIn({ run, baseImage }: Pick<Preparation, 'run' | 'baseImage'>): Promise<string> {
  const { text } = await bundle(root, 'test/support/sds-agent/main.ts');
  const content = createHash('sha256').update(baseImage).update(text).digest('hex').slice(0, 12);
  const image = `localhost/meshwright-test/spire-stand-in:${content}`;
  const context = mkdtempSync(join(tmpdir(), 'meshwright-stand-in-'));
  try {
    writeFileSync(join(context, 'main.js'), text);
    writeFileSync(join(context, 'package.json'), '{"type":"module"}\n');
    writeFileSync(join(context, 'Dockerfile'), `FROM ${baseImage}\nWORKDIR /app\nCOPY package.json main.js /app/\n`);
    const options = ['--network', 'none', '--quiet', '--tag', image];
    await expectOutput(run, ['docker', 'build', ...options, context]);
    return image;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** The stages of SPIRE's installation that the stand-in leaves as they are: definitions, namespaces, network, registrations. */
const kept = ['00-definitions.yaml', '10-namespaces.yaml', '20-network.yaml', '70-registrations.yaml'];

/** Writes the manifests: what was rendered, with one stage for the stand-in in the place of server, agent and driver. */
export function writeStandIn(image: string, preparation: Omit<Preparation, 'run' | 'baseImage'>): void {
  const { rendered, folder, leafLifetime, upstreamSecret } = preparation;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(rendered).filter((name) => kept.includes(name)))
    cpSync(join(rendered, file), join(folder, file));
  const text = readFileSync(join(rendered, '70-registrations.yaml'), 'utf8');
  const registrations = readDocuments('70-registrations.yaml', text).documents.map(({ value }) => {
    const object = value as { readonly spec: Readonly<Record<string, unknown>> };
    return leafLifetime === undefined ? object : { ...object, spec: { ...object.spec, ttl: leafLifetime } };
  });
  if (leafLifetime !== undefined) durationMs(leafLifetime);
  const manifests = standInManifests({
    image,
    trustDomain: 'trading.local',
    socketFile: 'spire-agent.sock',
    authorityLifetime: '24h',
    registrations: JSON.stringify(registrations),
    ...(upstreamSecret === undefined ? {} : { upstreamSecret }),
  });
  writeFileSync(join(folder, '50-stand-in.yaml'), manifests.map((object) => printYaml(object)).join('---\n'));
}

async function main([folder = '.meshwright/spire-stand-in', leafLifetime]: readonly string[]): Promise<void> {
  const read = readParameters(process.env, existsSync);
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const preparation = {
    run: runCommand,
    baseImage: read.parameters.nodeBaseImage,
    rendered: join(root, 'dist/kind-spire-issuer'),
    folder: join(root, folder),
    ...(leafLifetime === undefined ? {} : { leafLifetime }),
  };
  const image = await buildStandIn(preparation);
  writeStandIn(image, preparation);
  process.stdout.write(`${image}, manifests in ${folder}\n`);
}

if (import.meta.main) await main(process.argv.slice(2));
