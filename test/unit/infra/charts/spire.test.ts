/** SPIRE as issuer: the mesh stays what it is, every proxy is led to the agent, and exactly our workloads are registered. */
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import type { Environment, SpireInstallation } from '#infra/environments/index.ts';
import { kindSpire } from '#infra/environments/kind-spire.ts';
import { catalog } from '#services/catalog.ts';
import { at, listAt, type ManifestObject, objectsOf } from '../../../support/manifest-object.ts';
import { documentsOf, synthesized, synthesizedFolders } from '../../../support/synthesized.ts';

const istio = await synthesized('kind');
const { files: spire, issuer } = await synthesizedFolders('kind-spire');
const objectsIn = (files: ReadonlyMap<string, string>): readonly ManifestObject[] =>
  documentsOf(files).map(({ value }) => value as ManifestObject);
const installation = objectsIn(issuer);
const ofKind = (kind: string): readonly ManifestObject[] => installation.filter((object) => object.kind === kind);
const [operator] = objectsIn(new Map([['istio.yaml', spire.get('istio.yaml') ?? '']]));
const template = (name: string) => {
  const text = String(at(operator, 'spec', 'values', 'sidecarInjectorWebhook', 'templates', name));
  // The injector's overlays are no objects: they get a kind here so that the one reader of YAML takes them.
  return documentsOf(new Map([['template.yaml', `apiVersion: v1\nkind: Pod\n${text}`]]))[0]?.value;
};
const configurationOf = (name: string, file: string): string =>
  ofKind('ConfigMap').find(({ metadata }) => metadata.name === name)?.data?.[file] ?? '';
const withInstallation = (existing: SpireInstallation): Environment => ({
  ...kindSpire,
  identity: { kind: 'spire', installation: existing, leafLifetime: '30m' },
});

/** A workload's pod template with what the identity adds taken away again. */
function withoutIssuer(object: ManifestObject): unknown {
  const copy = structuredClone(object) as never as {
    spec: { template: { metadata: { labels: Record<string, string>; annotations?: Record<string, string> } } };
  };
  const { metadata } = copy.spec.template;
  delete metadata.labels['spiffe.io/spire-managed-identity'];
  const { 'inject.istio.io/templates': templates, ...others } = metadata.annotations ?? {};
  if (templates === 'gateway,spire-gateway')
    metadata.annotations = { ...others, 'inject.istio.io/templates': 'gateway' };
  else if (templates === 'sidecar,spire' && Object.keys(others).length > 0) metadata.annotations = others;
  else if (templates === 'sidecar,spire') delete metadata.annotations;
  return copy;
}

describe('with SPIRE instead of istiod as issuer', () => {
  test('every manifest is the same byte by byte, policies above all, but the pods of workloads', () => {
    expect([...spire.keys()]).toEqual([...istio.keys()]);
    const changed = [...spire].filter(([path, text]) => istio.get(path) !== text).map(([path]) => path);
    expect(changed.filter((path) => !path.endsWith('/60-workloads.yaml'))).toEqual(['istio.yaml', 'intent.json']);
    expect(changed.length).toBe(2 + new Set(catalog.map(({ namespace }) => namespace)).size);
  });

  test('the intent says besides whose an identity is, and grants the same', () => {
    const { identitiesBoundTo, ...rest } = JSON.parse(spire.get('intent.json') ?? '{}');
    expect(identitiesBoundTo).toBe('proxies');
    expect(rest).toEqual(JSON.parse(istio.get('intent.json') ?? '{}'));
  });

  test('pods differ by the injection templates and by the label alone', () => {
    const pods = (files: ReadonlyMap<string, string>) => objectsOf(files).filter(({ file }) => file.includes('/60-'));
    const changed = pods(spire).map((object) =>
      ['Deployment', 'StatefulSet'].includes(object.kind) ? withoutIssuer(object) : object,
    );
    expect(changed).toEqual(pods(istio));
  });

  test('the installation of Istio differs by the two templates alone', () => {
    const before = objectsIn(new Map([['istio.yaml', istio.get('istio.yaml') ?? '']]))[0];
    const { sidecarInjectorWebhook, ...values } = at(operator, 'spec', 'values') as Record<string, unknown>;
    expect(Object.keys(at(sidecarInjectorWebhook, 'templates') as object)).toEqual(['spire', 'spire-gateway']);
    expect({ ...operator, spec: { ...operator?.spec, values } }).toEqual(before);
  });
});

describe('the injection templates', () => {
  test.for([
    { name: 'spire', list: 'initContainers', because: 'a native sidecar is an init container' },
    { name: 'spire-gateway', list: 'containers', because: 'in a gateway the proxy is the program' },
  ])('$name reach the proxy in $list: $because', ({ name, list }) => {
    const spec = at(template(name), 'spec') as Readonly<Record<string, unknown>>;
    expect(Object.keys(spec).sort()).toEqual([list, 'volumes'].sort());
    expect(at(spec, list, 0, 'name')).toBe('istio-proxy');
    expect(at(spec, list, 0, 'volumeMounts', 0)).toEqual({
      name: 'workload-socket',
      mountPath: '/var/run/secrets/workload-spiffe-uds',
      readOnly: true,
    });
    expect(at(spec, 'volumes')).toEqual([
      { name: 'workload-socket', csi: { driver: 'csi.spiffe.io', readOnly: true } },
    ]);
  });

  test("name the agent's own socket, which is not the one that Istio falls back to", () => {
    const [file] = ['spire', 'spire-gateway'].map((name) => {
      const spec = at(template(name), 'spec');
      return at(spec, name === 'spire' ? 'initContainers' : 'containers', 0, 'env', 0, 'value');
    });
    expect(file).not.toBe('socket');
    expect(configurationOf('spire-agent', 'agent.conf')).toContain(`/public/${String(file)}"`);
  });

  test('are named by every pod of the mesh, the ingress gateway included', () => {
    const named = objectsOf(spire)
      .filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))
      .map(({ metadata, spec }) => [
        metadata.name,
        at(spec, 'template', 'metadata', 'annotations', 'inject.istio.io/templates'),
      ]);
    const expected = catalog.map(({ name }) => [name, name === 'ingress' ? 'gateway,spire-gateway' : 'sidecar,spire']);
    expect(named.sort()).toEqual(expected.sort());
  });
});

describe('the registrations', () => {
  const registrations = ofKind('ClusterSPIFFEID');

  test('are one for each workload of the catalog, none of which catches the rest', () => {
    const names = catalog.map(({ namespace, name }) => `${namespace}-${name}`);
    expect(registrations.map(({ metadata }) => metadata.name).sort()).toEqual(names.sort());
    for (const { spec } of registrations) {
      expect(at(spec, 'namespaceSelector', 'matchLabels', 'kubernetes.io/metadata.name')).toEqual(expect.any(String));
      expect(at(spec, 'podSelector', 'matchLabels', 'app.kubernetes.io/name')).toEqual(expect.any(String));
    }
  });

  test('give every pod of the mesh the identity that the policies name, and no pod two', () => {
    const pods = objectsOf(spire).filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
    const given = pods.map(({ metadata, spec }) => {
      const labels = at(spec, 'template', 'metadata', 'labels') as Readonly<Record<string, string>>;
      const account = at(spec, 'template', 'spec', 'serviceAccountName');
      const selecting = registrations.filter(({ spec: registered }) => {
        const wanted = Object.entries(at(registered, 'podSelector', 'matchLabels') as object);
        return (
          at(registered, 'namespaceSelector', 'matchLabels', 'kubernetes.io/metadata.name') === metadata.namespace &&
          wanted.every(([key, value]) => labels[key] === value) &&
          listAt(registered, 'workloadSelectorTemplates').includes(`k8s:sa:${String(account)}`)
        );
      });
      return selecting.map(({ spec: registered }) =>
        String(at(registered, 'spiffeIDTemplate'))
          .replace('{{ .TrustDomain }}', 'trading.local')
          .replace('{{ .PodMeta.Namespace }}', String(metadata.namespace))
          .replace('{{ .PodSpec.ServiceAccountName }}', String(account)),
      );
    });
    const principals = catalog.map(
      ({ namespace, serviceAccount }) => `spiffe://trading.local/ns/${namespace}/sa/${serviceAccount}`,
    );
    expect(given.map((ids) => ids.length)).toEqual(pods.map(() => 1));
    expect(given.flat().sort()).toEqual(principals.sort());
  });

  test('carry the class that the controller manager serves, and it serves no object without one', () => {
    const settings = configurationOf('spire-controller-manager', 'controller-manager.yaml');
    expect(settings).toContain('watchClassless: false');
    for (const { spec } of registrations) expect(settings).toContain(`className: ${String(at(spec, 'className'))}\n`);
  });

  test('have the short lifetime of the environment', () => {
    expect(new Set(registrations.map(({ spec }) => at(spec, 'ttl')))).toEqual(new Set(['1h']));
  });

  test('pass the definitions that are applied before them', () => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    for (const { kind, spec } of registrations) {
      const definition = ofKind('CustomResourceDefinition').find((each) => at(each.spec, 'names', 'kind') === kind);
      const schema = at(definition?.spec, 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'spec');
      const validate = ajv.compile({ ...(schema as object), additionalProperties: false });
      validate(spec);
      expect(validate.errors).toBeNull();
    }
  });
});

describe('the installation of SPIRE', () => {
  test('says of every object that it was rendered and never run', () => {
    const evidence = installation.map(({ metadata }) => metadata.annotations?.['meshwright.dev/evidence']);
    expect(new Set(evidence)).toEqual(new Set(['rendered, never run by this project']));
  });

  test("leads the CSI driver to the folder of the agent's socket", () => {
    const folderOf = (name: string) => {
      const set = ofKind('DaemonSet').find(({ metadata }) => metadata.name === name);
      return listAt(set?.spec, 'template', 'spec', 'volumes').find((volume) => at(volume, 'name') === 'sockets');
    };
    expect(at(folderOf('spire-agent'), 'hostPath', 'path')).toEqual(expect.any(String));
    expect(folderOf('spiffe-csi-driver')).toEqual(folderOf('spire-agent'));
  });

  test('lets the agent of its own namespace attest, under the name of the cluster that both know', () => {
    expect(configurationOf('spire-server', 'server.conf')).toContain(
      '"meshwright" = { service_account_allow_list = ["spire-system:spire-agent"] }',
    );
    expect(configurationOf('spire-agent', 'agent.conf')).toContain('cluster = "meshwright"');
  });

  test('serves the names that proxies ask for', () => {
    const agent = configurationOf('spire-agent', 'agent.conf');
    expect(agent).toContain('default_svid_name = "default"');
    expect(agent).toContain('default_bundle_name = "ROOTCA"');
  });

  test('takes a signing certificate of a root outside where the environment says so', async () => {
    const { identity } = kindSpire;
    if (identity.kind !== 'spire' || identity.installation.kind !== 'rendered') throw new Error('not rendered');
    const authority = { kind: 'upstream', lifetime: '24h', secretName: 'root' } as const;
    const environment = withInstallation({ ...identity.installation, authority });
    const { issuer: upstream } = await synthesizedFolders('kind-spire', { environment });
    const text = upstream.get('40-server.yaml') ?? '';
    expect(text).toContain('UpstreamAuthority "disk"');
    expect(text).toContain('secretName: root');
  });

  test('is left out where the cluster has SPIRE: only registrations of its class', async () => {
    const environment = withInstallation({ kind: 'existing', className: 'spire-spire', socketFile: 'agent.sock' });
    const { files, issuer: existing } = await synthesizedFolders('kind-spire', { environment });
    expect([...existing.keys()]).toEqual(['70-registrations.yaml']);
    expect(objectsIn(existing).map(({ spec }) => [at(spec, 'className'), at(spec, 'ttl')])).toEqual(
      catalog.map(() => ['spire-spire', '30m']),
    );
    expect(files.get('istio.yaml')).toContain('value: agent.sock');
  });
});
