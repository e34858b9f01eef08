/** Synthesis as a function: declarations, environment and public keys in; the text of every file out, or every problem. */
import type { App } from 'cdk8s';
import { type Grant, type Intent, type IntentProblem, readIntent } from '#policies/intent/index.ts';
import { printYaml } from '#policies/language/print.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import { tryPrintArgoApplication } from './charts/argo-application.ts';
import { istioOperator } from './charts/istio-operator.ts';
import { manifestFiles } from './charts/manifest-files.ts';
import { buildPlatform, knownPlatformPrograms } from './charts/platform.ts';
import { spireFiles } from './charts/spire/installation.ts';
import { environmentProblems } from './check-environment.ts';
import { payloadHeader } from './constructs/authentication.ts';
import { compareText } from './constructs/peer.ts';
import type { Environment } from './environments/index.ts';
import { readPublicKeys } from './public-keys.ts';
import { inSurroundings, surroundedIntent } from './surroundings.ts';

/** What synthesis reads; it reads no clock, no network and no environment variable. */
export interface SynthesisInput {
  readonly environment: Environment;
  readonly catalog: readonly ServiceDeclaration[];
  readonly admissions: Parameters<typeof readIntent>[1];
  /** The text of the environment's JWKS file. */
  readonly jwks: string;
}

/** A declaration that cannot be rendered: what is wrong, in which files, and under which construct. */
export interface SynthesisProblem {
  readonly code: string;
  readonly message: string;
  /** `services/order/service.ts:12`. */
  readonly files: readonly string[];
  /** Path of the construct, `trading/order`; '' when it is about the whole tree. */
  readonly construct: string;
  readonly help?: string;
}

/** Files by their path below `dist/<environment>/`, and those of its issuer below `dist/<environment>-issuer/`; or every problem at once. */
export type SynthesisResult =
  | {
      readonly ok: true;
      readonly files: ReadonlyMap<string, string>;
      /** The installation of SPIRE, which is no part of the mesh; empty where istiod signs. */
      readonly issuer: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly problems: readonly SynthesisProblem[] };

/** Renders one environment. Equal inputs give equal bytes, in whatever order the catalog lists its services. */
export function synthesize(input: SynthesisInput): SynthesisResult {
  const { environment } = input;
  const { catalog, admissions } = inSurroundings(environment, input);
  const { trustDomain, users } = environment;
  const keys = readPublicKeys(input.jwks, users.jwksFile);
  const joined = readIntent(catalog, admissions, { trustDomain, issuer: users.issuer, audiences: users.audiences });
  const problems: SynthesisProblem[] = [
    ...environmentProblems(environment).map((found) => ({
      ...found,
      files: [environmentFile(environment)],
      construct: '',
    })),
    ...(keys.ok ? [] : keys.problems.map((found) => ({ ...found, construct: '' }))),
    ...(joined.ok ? [] : joined.problems.map((found) => fromIntent(found, catalog))),
    ...unknownPrograms(catalog),
  ];
  const empty: Intent = { version: 1, trustDomain, grants: [], platform: [] };
  const intent = joined.ok ? sortedIntent(surroundedIntent(joined.intent, environment, catalog)) : empty;
  // Shapes are judged even when the grants do not join, so that one run names everything.
  if (hasUniqueNames(catalog)) {
    const app = buildPlatform({ environment, catalog, intent, jwks: keys.ok ? keys.jwks : '' });
    problems.push(...complaintsOf(app));
    if (problems.length === 0) {
      const issuers = [{ issuer: users.issuer, jwks: keys.ok ? JSON.parse(keys.jwks) : null, payloadHeader }];
      const files = render(app, environment, { ...intent, ...bindingOf(environment), issuers });
      return { ok: true, files, issuer: spireFiles(environment, catalog) };
    }
  }
  return { ok: false, problems };
}

/** SPIRE's registrations ask for the pod's labels and for the proxy besides the account (`charts/spire/registrations.ts`). */
const bindingOf = ({ identity }: Environment): Pick<Intent, 'identitiesBoundTo'> =>
  identity.kind === 'spire' ? { identitiesBoundTo: 'proxies' } : {};

function render(app: App, environment: Environment, intent: Intent): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const [path, text] of manifestFiles(app, environment)) files.set(`manifests/${path}`, text);
  files.set('istio.yaml', printYaml(istioOperator(environment)));
  const application = tryPrintArgoApplication(environment);
  if (application !== undefined) files.set('argocd.yaml', application);
  files.set('intent.json', `${JSON.stringify(intent, null, 2)}\n`);
  return files;
}

const grantKey = ({ caller, callee, port, protocol, http, user }: Grant): string =>
  JSON.stringify([callee, port, protocol, http, caller, user]);

const sortedGrants = (grants: readonly Grant[]): readonly Grant[] =>
  [...grants].sort((left, right) => compareText(grantKey(left), grantKey(right)));

const sortedIntent = (intent: Intent): Intent => ({
  ...intent,
  grants: sortedGrants(intent.grants),
  platform: sortedGrants(intent.platform),
});

const environmentFile = ({ name }: Environment): string => `infra/environments/${name}.ts`;

function fromIntent(
  { code, message, sources, help }: IntentProblem,
  catalog: readonly ServiceDeclaration[],
): SynthesisProblem {
  const names = sources.flatMap((source) => /^(?:services|policies\/intent)\/([^/.]+)/.exec(source)?.[1] ?? []);
  const declaration = catalog.find(({ name }) => names.includes(name));
  const construct = declaration === undefined ? '' : `${declaration.namespace}/${declaration.name}`;
  return { code, message, files: sources, construct, help };
}

/** A platform workload is a stock program; one that synthesis has no program for cannot run. */
function unknownPrograms(catalog: readonly ServiceDeclaration[]): readonly SynthesisProblem[] {
  return catalog
    .filter(({ kind, name }) => kind === 'platform' && !knownPlatformPrograms.includes(name))
    .map(({ name, namespace }) => ({
      code: 'workload/no-program',
      message: `platform workload \`${name}\`: expected one of ${knownPlatformPrograms.join(', ')}`,
      files: [`services/${name}/service.ts`],
      construct: `${namespace}/${name}`,
      help: 'add its program to infra/charts/programs and to infra/charts/platform.ts',
    }));
}

function hasUniqueNames(catalog: readonly ServiceDeclaration[]): boolean {
  return new Set(catalog.map(({ name }) => name)).size === catalog.length;
}

function complaintsOf(app: App): readonly SynthesisProblem[] {
  return app.node.findAll().flatMap((construct) =>
    construct.node.validate().map((complaint) => {
      const [file, ...rest] = complaint.split(': ');
      return { code: 'construct/shape', message: rest.join(': '), files: [file ?? ''], construct: construct.node.path };
    }),
  );
}
