/** What the person who applies needs: rights on every kind, and the Secrets that are made out of band. */
import type { Json } from './api.ts';
import type { Connection } from './connect.ts';
import { type Check, check, type Wanted } from './preflight-check.ts';

/** Rights and Secrets. */
export async function accessChecks(connection: Connection, wanted: Wanted): Promise<readonly Check[]> {
  return [...(await rightChecks(connection, wanted)), ...(await secretChecks(connection, wanted))];
}

interface Place {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

const metadataOf = (value: unknown): Json => ((value as Json)['metadata'] ?? {}) as Json;

function placesOf({ documents }: Wanted): readonly Place[] {
  const places = documents.flatMap(({ value }): readonly Place[] => {
    const { apiVersion, kind } = value as Json;
    const group = String(apiVersion).split('/').slice(0, -1).join('/');
    if (group === 'install.istio.io') return [];
    return [{ group, kind: String(kind), namespace: String(metadataOf(value)['namespace'] ?? '') }];
  });
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

/** The plural of a kind as every kind that is rendered has it. */
function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower.endsWith('y')) return `${lower.slice(0, -1)}ies`;
  return lower.endsWith('s') ? `${lower}es` : `${lower}s`;
}

async function rightChecks({ api }: Connection, wanted: Wanted): Promise<readonly Check[]> {
  const denied: string[] = [];
  const places = placesOf(wanted);
  for (const { group, kind, namespace } of places) {
    for (const verb of ['create', 'patch']) {
      const resource = pluralOf(kind);
      const { status, body } = await api.send({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { group, resource, verb, ...(namespace === '' ? {} : { namespace }) } },
        },
      });
      const answer = typeof body === 'string' ? {} : ((body['status'] ?? {}) as Json);
      if (status >= 300) return [check('access/rights', 'unknown', `rights cannot be asked for: HTTP ${status}`)];
      if (answer['allowed'] !== true) denied.push(`${verb} ${resource}${namespace === '' ? '' : ` in ${namespace}`}`);
    }
  }
  const message =
    denied.length === 0
      ? `every one of ${places.length} kinds and places may be applied`
      : `may not ${denied.join(', ')}`;
  return [
    check(
      'access/rights',
      denied.length === 0 ? 'holds' : 'fails',
      message,
      'grant these rights to whoever applies the manifests',
    ),
  ];
}

/** Every Secret that workloads mount or gateways serve with, as `namespace/name`. */
function secretsOf({ documents }: Pick<Wanted, 'documents'>): readonly string[] {
  const names = documents.flatMap(({ value }) => {
    const object = value as Json;
    const namespace = String(metadataOf(object)['namespace'] ?? '');
    return findNames(object['spec']).map((name) => `${namespace}/${name}`);
  });
  return [...new Set(names)].toSorted();
}

function findNames(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(findNames);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const isName = (key === 'secretName' || key === 'credentialName') && typeof inner === 'string';
    return isName ? [inner] : findNames(inner);
  });
}

async function secretChecks({ api }: Connection, wanted: Wanted): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const name of secretsOf(wanted)) {
    const [namespace, secret] = name.split('/');
    const { status } = await api.send({ path: `/api/v1/namespaces/${namespace}/secrets/${secret}` });
    const outcome = status === 200 ? 'holds' : status === 404 ? 'fails' : 'unknown';
    const help =
      status === 404
        ? 'make it before the workloads start: it is never rendered'
        : 'allow `get` on secrets there, or look yourself';
    checks.push(
      check('access/secret', outcome, `Secret ${name}: ${status === 200 ? 'there' : `HTTP ${status}`}`, help),
    );
  }
  return checks;
}
