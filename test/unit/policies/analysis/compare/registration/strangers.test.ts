import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selects } from '#policies/analysis/attachment.ts';
import { givenTo, type RegisteredPod, termsOf } from '#policies/analysis/compare/registration/pod-identity.ts';
import { type Owner, type Surroundings, tryFindThief } from '#policies/analysis/compare/registration/strangers.ts';
import type { LabelSelector } from '#policies/language/mesh.ts';
import { parseTemplate } from '#policies/language/parse-registration.ts';
import type { Registration } from '#policies/language/registration.ts';

const SEED = 20_261_127;
/** Whatever a template can take out of an identity of this world. */
const PARTS = ['a', 'y', 's', 'sa'];
const NAMESPACES = ['elsewhere', ...PARTS];
const ACCOUNTS = ['stranger', ...PARTS];
/** The values of a label in the closed world; undefined is a pod without it. */
const VALUES = [undefined, '', 'any', ...PARTS];

const TERMS = termsOf('td', undefined);
const AROUND: Surroundings = {
  namespaces: ['elsewhere', 'a', 'y'],
  place: (namespace) => ({ namespace, labels: { 'kubernetes.io/metadata.name': namespace } }),
  terms: TERMS,
  leftOut: () => [],
};

const expression = fc.record({
  key: fc.constantFrom('l', 'm'),
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist' as const),
  values: fc.subarray(['a', 'y'], { minLength: 1 }),
});
const selector: fc.Arbitrary<LabelSelector> = fc.record({
  labels: fc.constant({}),
  expressions: fc.array(expression, { maxLength: 2 }),
});
const LABEL_PIECES = ['{{ index .PodMeta.Labels "l" }}', '{{ .PodMeta.Labels.m }}'];
const piece = (...more: readonly string[]) => fc.constantFrom('a', 'y', ...more, ...LABEL_PIECES);
const pieces = (...more: readonly string[]) =>
  fc.array(piece(...more), { minLength: 1, maxLength: 2 }).map((all) => all.join(''));
/** Mostly of the usual shape, and sometimes with the slashes elsewhere. */
const template = fc
  .record({
    namespace: pieces('{{ .PodMeta.Namespace }}', '{{ .PodMeta.Namespace }}'),
    between: fc.constantFrom('/sa/', '/sa/', '/sa/', '/', '/s'),
    account: pieces('{{ .PodSpec.ServiceAccountName }}', '{{ .PodSpec.ServiceAccountName }}'),
  })
  .map((made) => `spiffe://{{ .TrustDomain }}/ns/${made.namespace}${made.between}${made.account}`);
const account = fc.option(fc.constantFrom('a', 'y'), { nil: undefined });
const registration: fc.Arbitrary<Registration> = fc
  .record({
    template,
    pods: selector,
    account,
    asked: fc.option(fc.constantFrom('a', 'y', '{{ .PodMeta.Namespace }}'), { nil: undefined, freq: 2 }),
    namespace: fc.option(fc.constantFrom('elsewhere', 'a', 'y'), { nil: undefined }),
  })
  .map((made) => ({
    kind: 'ClusterSPIFFEID',
    namespace: '',
    name: 'r',
    at: { file: 'r', path: '', line: 1 },
    className: '',
    id: parseTemplate(made.template),
    pods: made.pods,
    namespaces: {
      labels: made.namespace === undefined ? {} : { 'kubernetes.io/metadata.name': made.namespace },
      expressions: [],
    },
    processes: [
      ...(made.account === undefined ? [] : [{ kind: 'account' as const, value: parseTemplate(made.account) }]),
      ...(made.asked === undefined ? [] : [{ kind: 'namespace' as const, value: parseTemplate(made.asked) }]),
    ],
    isFallback: false,
    powers: [],
  }));
const owner: fc.Arbitrary<Owner> = fc
  .record({
    namespace: fc.constantFrom('a', 'y'),
    account: fc.constantFrom('a', 'y'),
    pods: selector,
    all: fc.boolean(),
  })
  .map(({ namespace, account: name, pods, all }) => ({
    id: `spiffe://td/ns/${namespace}/sa/${name}`,
    namespace,
    account: name,
    pods: all ? 'allOfAccount' : [pods],
  }));

/** Every pod of a closed small world, whose values are those that templates and selectors name, and one more. */
const PODS: readonly RegisteredPod[] = NAMESPACES.flatMap((namespace) =>
  ACCOUNTS.flatMap((name) =>
    VALUES.flatMap((l) =>
      VALUES.map((m) => ({
        namespace,
        name: 'stranger',
        account: name,
        labels: { ...(l === undefined ? {} : { l }), ...(m === undefined ? {} : { m }) },
        namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
      })),
    ),
  ),
);

function isThief(pod: RegisteredPod, { id, namespace, account: name, pods }: Owner, from: Registration): boolean {
  const given = givenTo(from, pod, TERMS);
  if (given.kind !== 'id' || given.id !== id) return false;
  const isOfAccount = pod.namespace === namespace && pod.account === name;
  return !(isOfAccount && (pods === 'allOfAccount' || pods.some((each) => selects(each, pod.labels))));
}

describe('pods that a registration gives the identity of others', () => {
  test('are found exactly where a small world has one, and what is found is one', () => {
    let found = 0;
    fc.assert(
      fc.property(registration, owner, (from, of) => {
        const thief = tryFindThief(from, of, AROUND);
        const expected = PODS.some((pod) => isThief(pod, of, from));
        if (thief?.kind === 'found') {
          found += 1;
          expect(isThief(thief.pod, of, from)).toBe(true);
        } else expect(expected).toBe(false);
        expect(thief === undefined).toBe(!expected);
      }),
      { seed: SEED, numRuns: 4000 },
    );
    expect(found).toBeGreaterThan(100);
  });
});

describe('templates', () => {
  test.for([
    ['x{{ .TrustDomain }}y', ['text', 'trustDomain', 'text']],
    ['{{.PodMeta.Namespace}}', ['namespace']],
    ['a {{- .PodMeta.Name -}} b', ['text', 'podName', 'text']],
    ['{{ index .PodMeta.Labels "app.kubernetes.io/name" }}', ['label']],
    ['{{ if .PodMeta }}x{{ end }}', ['anything', 'text', 'anything']],
    ['{{ broken', ['text']],
  ] as const)('`%s` is read as %s', ([text, kinds]) => {
    expect(parseTemplate(text).map(({ kind }) => kind)).toEqual(kinds);
  });

  test('inner dashes take blanks away', () => {
    expect(parseTemplate('a {{- .PodMeta.Name -}} b').filter(({ kind }) => kind === 'text')).toEqual([
      { kind: 'text', text: 'a' },
      { kind: 'text', text: 'b' },
    ]);
  });
});
