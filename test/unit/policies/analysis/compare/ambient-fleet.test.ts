/** A fleet of the benchmarks moved to ambient: waypoints enforce its methods, and every proof still holds. */
import { describe, expect, test } from 'vitest';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { readDocuments, type SourceDocument } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from '../../../../bench/fleet.ts';

const SERVICES = 60;
const SEED = 7;
const fleet = newFleet(SERVICES, SEED);

interface Written {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly rules?: readonly { readonly from: unknown; readonly to: readonly { readonly operation: object }[] }[];
  };
}

/** A policy of sidecars as what is attached to the Service, without ports, and the waypoint as the sole way in. */
function attached(policy: Written): readonly object[] {
  const { metadata, spec } = policy;
  const [app] = Object.values(spec.selector?.matchLabels ?? {});
  if (app === undefined) return [policy];
  const rules = spec.rules?.map(({ to, ...rule }) => ({
    ...rule,
    to: to.map(({ operation }) => ({ operation: { ...operation, ports: undefined } })),
  }));
  const principals = [`fleet.local/ns/${metadata.namespace}/sa/way`];
  return [
    { ...policy, spec: { targetRefs: [{ group: '', kind: 'Service', name: app }], rules } },
    {
      ...policy,
      metadata: { ...metadata, name: `${metadata.name}-l4` },
      spec: {
        selector: spec.selector,
        rules: [{ from: [{ source: { principals } }], to: [{ operation: { ports: ['8080'] } }] }],
      },
    },
  ];
}

function inAmbient(): readonly SourceDocument[] {
  const written = readDocuments('fleet.yaml', fleet.yaml).documents.map(({ value }) => value as Written);
  const labels = { 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'way' };
  const values = written.flatMap((object): readonly object[] => {
    if (object.kind === 'AuthorizationPolicy') return attached(object);
    if (object.kind !== 'Namespace') return [object];
    const { name } = object.metadata;
    const spec = { gatewayClassName: 'istio-waypoint' };
    const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' };
    return [
      { ...object, metadata: { name, labels } },
      { ...gateway, metadata: { name: 'way', namespace: name }, spec },
    ];
  });
  return values.map((value, index) => ({
    file: 'ambient.yaml',
    index,
    value: JSON.parse(JSON.stringify(value)),
    lineOf: () => 1,
  }));
}

function verify(documents: readonly SourceDocument[]) {
  const mesh = parseMesh(documents);
  const intent = parseIntent(JSON.parse(fleet.intent), 'intent.json');
  if (!mesh.ok || !intent.ok) throw new Error(JSON.stringify([mesh, intent]).slice(0, 500));
  return verifyIntent(mesh.value, intent.value, { profile: PROFILES['istio-1.31'] }).obligations;
}

describe(`a fleet of ${SERVICES} services in ambient, seed ${SEED}`, () => {
  test('allows exactly what the same fleet with sidecars declares', () => {
    expect(verify(inAmbient()).filter(({ status }) => status !== 'conditional')).toEqual([]);
  });

  test('is refuted once a waypoint is gone: every call goes to pods that take nobody', () => {
    const documents = inAmbient().filter(({ value }) => (value as Written).kind !== 'Gateway');
    const refuted = verify(documents).filter(({ status }) => status === 'refuted');
    expect(refuted.map(({ name }) => name)).toContain('allowed-equals-declared');
    expect(refuted[0]?.counterexamples[0]?.expected).toBe('allow');
  });
});
