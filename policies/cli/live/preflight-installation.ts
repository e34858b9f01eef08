/** What must be installed: Kubernetes and Istio in versions that fit, kinds, injection, sidecars, a network that enforces. */
import { type Json, messageOf } from './api.ts';
import type { Connection } from './connect.ts';
import { type Check, check, type Wanted } from './preflight-check.ts';

/** Kubernetes minor versions that Istio 1.31 supports. Source: platform facts of Istio's support matrix. */
const kubernetesMinors = [32, 36] as const;
/** Istio minor versions whose semantics are known. */
const istioMinors = [30, 31] as const;
/** Since this minor version kubelets run sidecars natively. */
const nativeSidecarMinor = 33;

/** Programs that enforce NetworkPolicies, by a word in the names of their DaemonSets. */
const enforcers = [
  'calico',
  'cilium',
  'antrea',
  'kube-router',
  'weave',
  'kindnet',
  'ovn',
  'netpol',
  'azure-npm',
  'canal',
];

const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const nameOf = (object: Json): string => String(record(object['metadata'])['name']);

/** Every check of what is installed. */
export async function installationChecks(connection: Connection, wanted: Wanted): Promise<readonly Check[]> {
  const version = await connection.api.send({ path: '/version' });
  const minor = Number.parseInt(String(typeof version.body === 'string' ? '' : version.body['minor']), 10);
  return [
    kubernetesCheck(minor),
    ...(await kindChecks(connection, wanted)),
    ...(await istioChecks(connection, wanted, minor)),
    await injectionCheck(connection),
    await networkCheck(connection),
  ];
}

function kubernetesCheck(minor: number): Check {
  const [least, most] = kubernetesMinors;
  if (Number.isNaN(minor)) return check('kubernetes/version', 'unknown', 'the server tells no version');
  const fits = minor >= least && minor <= most;
  const message = `Kubernetes 1.${minor}: expected 1.${least} to 1.${most}`;
  return check('kubernetes/version', fits ? 'holds' : 'fails', message, 'use a version that Istio 1.31 supports');
}

/** Kinds that the manifests use must be served. */
async function kindChecks({ api }: Connection, { documents }: Wanted): Promise<readonly Check[]> {
  const byVersion = Map.groupBy(documents, ({ value }) => String((value as Json)['apiVersion']));
  const checks: Check[] = [];
  for (const [apiVersion, own] of byVersion) {
    if (!apiVersion.includes('/') || apiVersion.startsWith('install.istio.io/')) continue;
    const { status, body } = await api.send({ path: `/apis/${apiVersion}` });
    const served = typeof body === 'string' ? [] : ((body['resources'] ?? []) as readonly Json[]);
    const known = new Set(served.map((resource) => String(resource['kind'])));
    const missing = [...new Set(own.map(({ value }) => String((value as Json)['kind'])))].filter(
      (kind) => !known.has(kind),
    );
    const isOwn = /(^|\.)(istio|k8s)\.io\//.test(apiVersion) || !apiVersion.includes('.');
    const outcome = missing.length === 0 ? 'holds' : status === 403 || !isOwn ? 'unknown' : 'fails';
    const message = `kinds of ${apiVersion}: ${missing.length === 0 ? 'served' : `missing ${missing.join(', ')}`}`;
    checks.push(
      check(
        'kubernetes/kinds',
        outcome,
        message,
        'install the CRDs (Istio: chart `base`); kinds of other projects are needed only if you apply them',
      ),
    );
  }
  return checks;
}

async function istioChecks({ api }: Connection, { rootNamespace }: Wanted, minor: number): Promise<readonly Check[]> {
  const path = `/apis/apps/v1/namespaces/${rootNamespace}/deployments`;
  const listing = await api.list(path, { labelSelector: 'app=istiod' });
  if (listing.kind !== 'read') {
    const why = listing.kind === 'absent' ? 'not found' : messageOf({ message: listing.message });
    return [
      check(
        'istio/installed',
        'unknown',
        `istiod cannot be looked for: ${why}`,
        `allow \`list\` on deployments in ${rootNamespace}`,
      ),
    ];
  }
  const [istiod, ...others] = listing.items;
  if (istiod === undefined)
    return [
      check('istio/installed', 'fails', `no istiod in ${rootNamespace}`, 'install Istio 1.31 with dist/…/istio.yaml'),
    ];
  const ready = Number(record(istiod['status'])['readyReplicas'] ?? 0);
  const { image, env } = containerOf(istiod);
  return [
    check('istio/installed', ready > 0 ? 'holds' : 'fails', `istiod: ${ready} ready`, 'see its events and logs'),
    versionCheck(image),
    check(
      'istio/revisions',
      others.length === 0 ? 'holds' : 'unknown',
      `${listing.items.length} control plane(s): ${listing.items.map(nameOf).join(', ')}`,
      'namespaces labelled `istio-injection: enabled` get the default revision: see that it is the one you mean',
    ),
    nativeCheck(env.get('ENABLE_NATIVE_SIDECARS'), minor),
  ];
}

function containerOf(deployment: Json): { readonly image: string; readonly env: ReadonlyMap<string, string> } {
  const spec = record(record(record(deployment['spec'])['template'])['spec']);
  const [first] = Array.isArray(spec['containers']) ? (spec['containers'] as readonly Json[]) : [];
  const env = Array.isArray(first?.['env']) ? (first['env'] as readonly Json[]) : [];
  return {
    image: String(first?.['image'] ?? ''),
    env: new Map(env.map((each) => [String(each['name']), String(each['value'] ?? '')])),
  };
}

function versionCheck(image: string): Check {
  const minor = Number(/:v?1\.(\d+)/.exec(image)?.[1] ?? Number.NaN);
  if (Number.isNaN(minor))
    return check(
      'istio/version',
      'unknown',
      `istiod runs \`${image}\`, whose tag tells no version`,
      'see `istioctl version`',
    );
  const [least, most] = istioMinors;
  const fits = minor >= least && minor <= most;
  return check(
    'istio/version',
    fits ? 'holds' : 'fails',
    `Istio 1.${minor}: expected 1.${least} to 1.${most}`,
    'upgrade Istio: verdicts were proved for these',
  );
}

function nativeCheck(setting: string | undefined, minor: number): Check {
  const isOn = setting === 'true' || (setting !== 'false' && minor >= nativeSidecarMinor);
  const message = `native sidecars are ${isOn ? 'on' : 'off'}`;
  return check(
    'istio/native-sidecars',
    isOn ? 'holds' : 'fails',
    message,
    'set pilot.env.ENABLE_NATIVE_SIDECARS: "true": jobs and start-up order rely on it',
  );
}

async function injectionCheck({ api }: Connection): Promise<Check> {
  const listing = await api.list('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations');
  if (listing.kind !== 'read')
    return check(
      'istio/injection',
      'unknown',
      'webhooks may not be listed',
      'allow `list` on mutatingwebhookconfigurations',
    );
  const injectors = listing.items.filter(
    (item) => nameOf(item).startsWith('istio-') || JSON.stringify(item).includes('istio-injection'),
  );
  const serves = injectors.some((item) => JSON.stringify(item).includes('istio-injection'));
  return check(
    'istio/injection',
    serves ? 'holds' : 'fails',
    serves
      ? `sidecars are injected by ${injectors.map(nameOf).join(', ')}`
      : 'no webhook injects into namespaces labelled `istio-injection: enabled`',
    'install the default revision, or label the namespaces with `istio.io/rev`',
  );
}

/** No API tells whether NetworkPolicies are enforced; the names of what runs on the nodes are a hint. */
async function networkCheck({ api }: Connection): Promise<Check> {
  const proof = 'prove it with `meshwright probe` after applying: a policy that nobody enforces stops no call';
  const listing = await api.list('/apis/apps/v1/daemonsets');
  if (listing.kind !== 'read') return check('network/enforced', 'unknown', 'DaemonSets may not be listed', proof);
  const names = listing.items.map(nameOf);
  const known = names.filter((name) => enforcers.some((word) => name.includes(word)));
  return known.length > 0
    ? check('network/enforced', 'holds', `NetworkPolicies are enforced by ${known.join(', ')}, as far as names tell`)
    : check(
        'network/enforced',
        'unknown',
        `nothing is known to enforce NetworkPolicies among: ${names.join(', ')}`,
        proof,
      );
}
