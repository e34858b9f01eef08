import { describe, expect, test } from 'vitest';
import { type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import type { Obligation } from '#policies/analysis/compare/obligation.ts';
import { checkRegistrations } from '#policies/analysis/compare/registration/verify-registrations.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { meshConfigYaml, meshOf, workloadYaml } from '../../../../../support/small-mesh.ts';

/** `y` calls `x`, and each runs under an account of its own. */
const intentBoundTo = (identitiesBoundTo?: string): Intent => {
  const parsed = parseIntent(
    {
      version: 1,
      trustDomain: 'td',
      identitiesBoundTo,
      grants: [
        {
          caller: { kind: 'workload', namespace: 'a', serviceAccount: 'y' },
          callee: { kind: 'workload', namespace: 'a', workload: 'x' },
          protocol: 'http',
          port: 80,
          http: { method: 'GET', path: '/' },
          owner: 'o',
          reason: 'r',
        },
      ],
      platform: [],
    },
    'intent.json',
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
};

const EXACT = 'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}';
const registrationYaml = (name: string, spec: object, kind = 'ClusterSPIFFEID') =>
  JSON.stringify({ apiVersion: 'spire.spiffe.io/v1alpha1', kind, metadata: { name }, spec });

/** The registration of one workload, as narrow as one can write it. */
const own = (name: string, spec: object = {}) =>
  registrationYaml(name, {
    className: 'c',
    spiffeIDTemplate: EXACT,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'a' } },
    podSelector: { matchLabels: { app: name } },
    workloadSelectorTemplates: [`k8s:sa:${name}`, 'k8s:container-name:istio-proxy'],
    ...spec,
  });
const issuerYaml = (config: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'spire-controller-manager', namespace: 'spire' },
    data: { 'controller-manager.yaml': `kind: ControllerManagerConfig\n${config}` },
  });

const MESH = [
  meshConfigYaml({}),
  '{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {team: shop}}}',
  workloadYaml('a', 'x'),
  workloadYaml('a', 'y'),
];

function judged(registrations: readonly string[], boundTo?: string): Obligation | undefined {
  return checkRegistrations(meshOf(...MESH, ...registrations), intentBoundTo(boundTo))[0];
}

const statusOf = (registrations: readonly string[], boundTo?: string) => judged(registrations, boundTo)?.status;
const both = (spec: object) => [own('x'), own('y', spec)];

describe('registrations of SPIRE', () => {
  test('without any there is nothing to say', () => {
    const { obligations } = verifyIntent(meshOf(...MESH), intentBoundTo('proxies'), {
      profile: PROFILES['istio-1.31'],
    });
    expect(obligations.map(({ name }) => name)).not.toContain('identities-given-as-declared');
  });

  test('with some, verify says it', () => {
    const mesh = meshOf(...MESH, ...both({}));
    const { obligations } = verifyIntent(mesh, intentBoundTo('proxies'), { profile: PROFILES['istio-1.31'] });
    expect(obligations.find(({ name }) => name === 'identities-given-as-declared')?.status).toBe('proved');
  });

  test.for(['accounts', 'workloads', 'proxies'])(
    'one for each workload, each as narrow as can be: proved for %s',
    (boundTo) => {
      expect(statusOf(both({}), boundTo)).toBe('proved');
    },
  );

  test('one for all pods is exact by its template, where identities belong to accounts', () => {
    const all = registrationYaml('all', { spiffeIDTemplate: EXACT });
    expect(statusOf([all])).toBe('proved');
    expect(statusOf([all], 'workloads')).toBe('refuted');
  });
});

/** What one registration of `y` gives, read by whom identities are bound to. */
const ROWS: readonly {
  readonly what: string;
  readonly spec: object;
  readonly boundTo?: string;
  readonly says: RegExp;
}[] = [
  {
    what: 'a written-out identity for pods of any account',
    spec: { spiffeIDTemplate: 'spiffe://td/ns/a/sa/y', workloadSelectorTemplates: [] },
    says: /`y` .* gives the identity of `a\/y` to other pods, for example to \{"namespace":"a","serviceAccount":"stranger","labels":\{"app":"y"\}\}: with it y -> x GET \//,
  },
  {
    what: 'a written-out identity in any namespace',
    spec: { spiffeIDTemplate: 'spiffe://td/ns/a/sa/y', namespaceSelector: {} },
    says: /to other pods, for example to \{"namespace":"elsewhere","serviceAccount":"y","labels":\{"app":"y"\}\}/,
  },
  {
    what: 'the account from a label',
    spec: {
      spiffeIDTemplate: 'spiffe://td/ns/{{ .PodMeta.Namespace }}/sa/{{ index .PodMeta.Labels "identity" }}',
      podSelector: {},
      workloadSelectorTemplates: [],
    },
    says: /gives the identity of `a\/y` to other pods, .*"labels":\{"identity":"y"\}/,
  },
  {
    what: 'the account from the name of the pod',
    spec: { spiffeIDTemplate: 'spiffe://td/ns/a/sa/{{ .PodMeta.Name }}', workloadSelectorTemplates: [] },
    says: /gives the identity of `a\/y` to other pods/,
  },
  {
    what: 'a name put together from namespace and account',
    spec: {
      spiffeIDTemplate: 'spiffe://td/{{ .PodMeta.Labels.kind }}/a/sa/{{ .PodSpec.ServiceAccountName }}',
      namespaceSelector: {},
    },
    says: /for example to \{"namespace":"elsewhere","serviceAccount":"y","labels":\{"app":"y","kind":"ns"\}\}/,
  },
  {
    what: 'any labels, bound to workloads',
    spec: { podSelector: {} },
    boundTo: 'workloads',
    says: /gives the identity of `a\/y` to other pods, for example to \{"namespace":"a","serviceAccount":"y","labels":\{\}\}/,
  },
  {
    what: 'any namespace, bound to workloads',
    spec: { namespaceSelector: {} },
    boundTo: 'workloads',
    says: /gives `spiffe:\/\/td\/ns\/elsewhere\/sa\/y` to pods that nobody declared/,
  },
  {
    what: 'any account, bound to workloads',
    spec: { workloadSelectorTemplates: ['k8s:container-name:istio-proxy'] },
    boundTo: 'workloads',
    says: /gives the identity of `a\/x` to other pods, for example to \{"namespace":"a","serviceAccount":"x","labels":\{"app":"y"\}\}/,
  },
  {
    what: 'any container, bound to proxies',
    spec: { workloadSelectorTemplates: ['k8s:sa:y'] },
    boundTo: 'proxies',
    says: /to every container of a pod, not to `istio-proxy` alone/,
  },
  {
    what: 'labels that no pod of the workload carries',
    spec: { podSelector: { matchLabels: { app: 'why' } } },
    says: /no registration gives the pods of `a\/y` .* their identity `spiffe:\/\/td\/ns\/a\/sa\/y`/,
  },
  {
    what: 'an identity that is none',
    spec: { spiffeIDTemplate: `${EXACT}/` },
    says: /no registration gives the pods of `a\/y`/,
  },
  {
    what: 'an authority that signs identities',
    spec: { downstream: true },
    says: /`y` .* has `downstream`: the processes that it selects get an authority that signs any identity/,
  },
  {
    what: 'the right to register identities',
    spec: { admin: true },
    says: /`y` .* has `admin`: the processes that it selects may register any identity/,
  },
  {
    what: 'another class than the rest',
    spec: { className: 'd' },
    says: /registrations are of several classes/,
  },
];

describe('a registration is refuted', () => {
  test.for(ROWS)('with $what', ({ spec, boundTo, says }) => {
    const found = judged(both(spec), boundTo);
    expect(found?.status).toBe('refuted');
    expect(found?.notes.join('\n')).toMatch(says);
  });

  test('where it stands in for one whose template fails for some pods', () => {
    const byLabel = 'spiffe://td/ns/a/sa/{{ .PodMeta.Labels.identity }}';
    const first = own('first', { spiffeIDTemplate: byLabel, podSelector: {}, workloadSelectorTemplates: [] });
    const fallback = own('fallback', { spiffeIDTemplate: 'spiffe://td/ns/a/sa/y', podSelector: {}, fallback: true });
    const found = judged([first, fallback.replace('"k8s:sa:fallback",', '')]);
    expect(found?.notes.join('\n')).toMatch(/`fallback` .* gives the identity of `a\/y` to other pods/);
  });

  test('where a second one gives pods the identity of others', () => {
    const other = own('z', { spiffeIDTemplate: 'spiffe://td/ns/a/sa/x', podSelector: { matchLabels: { app: 'y' } } });
    const found = judged([...both({}), other.replace('k8s:sa:z', 'k8s:sa:y')]);
    expect(found?.notes.join('\n')).toMatch(/gives the identity of `a\/x` to other pods/);
    expect(found?.notes.join('\n')).toMatch(/the pods of `a\/y` .* get `spiffe:\/\/td\/ns\/a\/sa\/x` besides/);
  });

  test('where a static entry gives an identity to whoever runs under a user', () => {
    const entry = { spiffeID: 'spiffe://td/ns/a/sa/y', parentID: 'spiffe://td/node', className: 'c' };
    const withSelectors = (...selectors: readonly string[]) =>
      statusOf([...both({}), registrationYaml('e', { ...entry, selectors }, 'ClusterStaticEntry')]);
    expect(withSelectors('unix:uid:1000')).toBe('refuted');
    expect(withSelectors('k8s:ns:b')).toBe('refuted');
    expect(withSelectors('k8s:ns:a', 'k8s:sa:y')).toBe('proved');
  });
});

describe('a registration is left undecided', () => {
  test.for([
    ['an annotation', { spiffeIDTemplate: 'spiffe://td/ns/a/sa/{{ index .PodMeta.Annotations "x" }}' }],
    ['a function', { spiffeIDTemplate: 'spiffe://td/ns/a/sa/{{ printf "%s" .PodMeta.Name }}' }],
  ] as const)('with %s in its template', ([, spec]) => {
    expect(statusOf([...both({}), own('z', { ...spec, workloadSelectorTemplates: [] })])).toBe('unknown');
  });

  test('with a selector that is not read, where the rest would give an identity away', () => {
    const spec = { spiffeIDTemplate: 'spiffe://td/ns/a/sa/y', workloadSelectorTemplates: ['k8s:node-name:n1'] };
    expect(statusOf([...both({}), own('z', spec)])).toBe('unknown');
    expect(statusOf([...both({}), own('z', { ...spec, spiffeIDTemplate: EXACT })])).toBe('proved');
  });
});

describe('who serves a registration', () => {
  test('a class that the settings of the controller manager name, and no other', () => {
    expect(statusOf([...both({ className: 'd' }), issuerYaml('className: c')])).toBe('refuted');
    const stray = own('z', {
      className: 'd',
      spiffeIDTemplate: 'spiffe://td/ns/a/sa/y',
      workloadSelectorTemplates: [],
    });
    const found = judged([...both({}), stray, issuerYaml('className: c')]);
    expect(found?.status).toBe('proved');
    expect(found?.notes.join()).toMatch(/`z` .* is of class `d`, which nobody serves/);
  });

  test('none at all where it watches those too', () => {
    const spec = { className: undefined };
    expect(statusOf([own('x', spec), own('y', spec), issuerYaml('className: c')])).toBe('refuted');
    expect(statusOf([own('x', spec), own('y', spec), issuerYaml('className: c\nwatchClassless: true')])).toBe('proved');
  });

  test('pods of namespaces that it ignores get nothing', () => {
    const open = { namespaceSelector: {}, spiffeIDTemplate: 'spiffe://td/ns/a/sa/y' };
    expect(statusOf([...both(open), issuerYaml('className: c\nignoreNamespaces: [^elsewhere$]')])).toBe('proved');
    expect(statusOf([...both({}), issuerYaml('className: c\nignoreNamespaces: [^a$]')])).toBe('refuted');
  });

  test('a fallback counts for pods that no other registration selects', () => {
    const rest = (spec: object) => registrationYaml('rest', { className: 'c', fallback: true, ...spec });
    const fixed = { spiffeIDTemplate: 'spiffe://td/ns/a/sa/y', namespaceSelector: { matchLabels: { team: 'shop' } } };
    expect(statusOf([...both({}), rest({ ...fixed, podSelector: { matchLabels: { app: 'y' } } })])).toBe('proved');
    expect(statusOf([...both({}), rest({ ...fixed, podSelector: { matchLabels: { app: 'q' } } })])).toBe('refuted');
  });
});

describe('a registration is not decided', () => {
  const label = (key: string) => `{{ index .PodMeta.Labels "${key}" }}`;
  const labels = (...keys: readonly string[]) => keys.map(label).join('');

  test('where its labels make an identity in more ways than are tried', () => {
    const spiffeIDTemplate = `spiffe://td/ns/${labels('a', 'b', 'c', 'd')}/sa/${labels('e', 'f', 'g', 'h')}`;
    const podSelector = { matchLabels: { a: 'q', app: 'y' } };
    expect(statusOf([...both({}), own('z', { spiffeIDTemplate, podSelector })])).not.toBe('proved');
    // the one pod that gets it is among the last of thousands of ways
    const last = { matchLabels: { a: '', b: '', c: '', d: 'a', e: '', f: '', g: '', h: 'y' } };
    expect(
      statusOf([...both({}), own('z', { spiffeIDTemplate, podSelector: last, workloadSelectorTemplates: [] })]),
    ).not.toBe('proved');
  });

  test('in bounded time, however many expressions it has', () => {
    const unread = Array.from({ length: 24 }, (_, index) => `{{ index .PodMeta.Annotations "a${index}" }}`).join('');
    const spiffeIDTemplate = `spiffe://td/${unread}/nobody`;
    expect(statusOf([...both({}), own('z', { spiffeIDTemplate })])).toBe('unknown');
  });
});

test('a static entry for another SPIRE server is an assumption', () => {
  const spec = {
    spiffeID: 'spiffe://td/nested',
    parentID: 'spiffe://td/agent',
    selectors: ['k8s:ns:spire'],
    downstream: true,
  };
  const found = judged([...both({}), registrationYaml('nested', { className: 'c', ...spec }, 'ClusterStaticEntry')]);
  expect(found?.status).toBe('conditional');
  expect(found?.assumptions.join()).toContain('has `downstream`');
});
