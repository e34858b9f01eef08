/** Versions that images and settings name, against published fixes. Source: semantics.md 1; threats.md 7; Istio's release notes. */

import type { Cursor } from '../../../language/parse-cursor.ts';
import { WORKLOAD_KINDS } from '../../../language/parse-workload.ts';
import { atDocument, type Context, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

interface Version {
  readonly product: 'istio' | 'envoy';
  readonly minor: number;
  readonly patch: number;
  /** Where it is written. */
  readonly document: Cursor;
  readonly at: Cursor;
  readonly text: string;
  /** Whether it is the control plane's, which also makes the proxies' unless they say otherwise. */
  readonly of: 'controlPlane' | 'proxy';
}

/** The first patch of each line without the fault; lines older than the oldest of these have it. */
interface Advisory {
  readonly product: Version['product'];
  readonly fixed: Readonly<Record<number, number>>;
  readonly what: string;
}

const ADVISORIES: readonly Advisory[] = [
  {
    product: 'istio',
    fixed: { 27: 8, 28: 5, 29: 1 },
    what: 'CVE-2026-31837 (a known key stands in for keys that were not downloaded) and CVE-2026-31838 (debugging endpoints across namespaces)',
  },
  { product: 'istio', fixed: { 28: 5, 29: 1 }, what: 'CVE-2026-26308 (repeated headers pass DENY rules)' },
  {
    product: 'istio',
    fixed: { 27: 9, 28: 6, 29: 2 },
    what: 'CVE-2026-39350 (a dot in serviceAccounts matches any character)',
  },
  { product: 'istio', fixed: { 29: 9 }, what: 'GHSA-w44g-8m76-8gc5 (methods in another case pass rules on methods)' },
  {
    product: 'istio',
    fixed: { 30: 4 },
    what: 'CVE-2026-73511, -73551, -73553 (paths with `/..;` pass rules on paths)',
  },
  {
    product: 'envoy',
    fixed: { 37: 6, 38: 4 },
    what: 'CVE-2026-73511, -73551, -73553 (paths with `/..;` pass rules on paths)',
  },
];

const IMAGES: Readonly<Record<string, Pick<Version, 'product' | 'of'>>> = {
  pilot: { product: 'istio', of: 'controlPlane' },
  proxyv2: { product: 'istio', of: 'proxy' },
  ztunnel: { product: 'istio', of: 'proxy' },
  envoy: { product: 'envoy', of: 'proxy' },
};

function* versionsOf({ kinds }: Context): Generator<Version> {
  for (const operator of kinds.get('IstioOperator') ?? []) {
    const tag = operator.get('spec', 'tag');
    const version = parseVersion(tag.text());
    if (version !== undefined)
      yield { product: 'istio', of: 'controlPlane', ...version, document: operator, at: tag, text: tag.text() };
  }
  for (const [kind, path] of Object.entries(WORKLOAD_KINDS))
    for (const document of kinds.get(kind) ?? []) {
      const template = document.get(...path);
      const containers = ['initContainers', 'containers'].flatMap((list) => template.get('spec', list).items());
      const images = [
        ...containers.map((container) => container.get('image')),
        template.get('metadata', 'annotations', 'sidecar.istio.io/proxyImage'),
      ];
      for (const image of images) yield* versionOfImage(document, image);
    }
}

function* versionOfImage(document: Cursor, at: Cursor): Generator<Version> {
  const text = at.text();
  const [reference = ''] = text.split('@');
  const colon = reference.lastIndexOf(':');
  const name = reference.slice(reference.lastIndexOf('/') + 1, colon < 0 ? undefined : colon);
  const known = Object.hasOwn(IMAGES, name) ? IMAGES[name] : undefined;
  const version = parseVersion(reference.slice(colon + 1));
  if (known !== undefined && version !== undefined) yield { ...known, ...version, document, at, text };
}

function parseVersion(text: string): Pick<Version, 'minor' | 'patch'> | undefined {
  const [, minor, patch] = /^v?1\.(\d+)\.(\d+)/.exec(text) ?? [];
  return minor === undefined ? undefined : { minor: Number(minor), patch: Number(patch) };
}

function hasFault({ fixed }: Advisory, { minor, patch }: Version): boolean {
  const repaired = fixed[minor];
  if (repaired !== undefined) return patch < repaired;
  return minor < Math.min(...Object.keys(fixed).map(Number));
}

function* vulnerable(context: Context): Generator<Sighting> {
  for (const version of versionsOf(context)) {
    const faults = ADVISORIES.filter((each) => each.product === version.product && hasFault(each, version));
    if (faults.length > 0)
      yield atDocument(
        version.document,
        `\`${version.text}\` is older than the fixes of ${faults.map(({ what }) => what).join('; ')}`,
        version.at,
      );
  }
}

function* skewed(context: Context): Generator<Sighting> {
  const versions = [...versionsOf(context)].filter(({ product }) => product === 'istio');
  const control = versions.find(({ of }) => of === 'controlPlane');
  if (control === undefined) return;
  for (const version of versions)
    if (version.of === 'proxy' && version.minor !== control.minor)
      yield atDocument(
        version.document,
        `the proxy is \`${version.text}\`, and the control plane is 1.${control.minor}.${control.patch}`,
        version.at,
      );
}

/** Checks of versions. */
export const VERSIONS: readonly MeshCheck[] = [
  {
    code: 'proxy/vulnerable-version',
    severity: 'error',
    title: 'a version has known ways around policies',
    resolution:
      'The tag of the image, or of the installation, is older than the release that repaired a published way around authorization. Update control plane and proxies. Only faults that change verdicts are listed, of Istio and of Envoy, as far as their fixes are known here; images that name a digest alone say no version and are not looked at.',
    find: vulnerable,
  },
  {
    code: 'proxy/version-skew',
    severity: 'warning',
    title: 'proxy and control plane are of different lines',
    resolution:
      'A control plane may write rules that an older proxy reads otherwise: with Istio 1.12 and proxies of 1.11 rules on hosts matched every host (CVE-2022-21679). Restart the workload after an upgrade of the control plane, and do not pin `sidecar.istio.io/proxyImage` to a version.',
    find: skewed,
  },
];
