/** What schemas can say, by the validators of Istio's own resource definitions, and what they cannot, by rules of ours. */
import * as networking from '@kubernetes-models/istio/networking.istio.io/v1';
import * as security from '@kubernetes-models/istio/security.istio.io/v1';
import * as telemetry from '@kubernetes-models/istio/telemetry.istio.io/v1';
import { describe, expect, test } from 'vitest';
import { environments } from '#infra/environments/index.ts';
import { validate as validateDocument } from '#policies/language/validate.ts';
import { at, listAt, type ManifestObject, objectsOf, walk } from '../../../support/manifest-object.ts';
import { documentsOf, synthesized } from '../../../support/synthesized.ts';

interface Validator {
  new (data: never): { validate(): void };
}

const validators: Readonly<Record<string, Validator>> = { ...networking, ...security, ...telemetry } as never;
const nameOf = ({ kind, metadata }: ManifestObject): string => `${kind} ${metadata.namespace}/${metadata.name}`;

describe.each(environments)('the Istio objects of $name', async ({ name, trustDomain }) => {
  const files = await synthesized(name);
  const objects = objectsOf(files);
  const istio = objects.filter(({ apiVersion }) => apiVersion.includes('istio.io'));
  const policies = istio.filter(({ kind }) => kind === 'AuthorizationPolicy');
  const rules = policies.flatMap((policy) => listAt(policy, 'spec', 'rules').map((rule) => ({ policy, rule })));

  test('pass the validators of their resource definitions', () => {
    const faults = istio.flatMap((object) => {
      const Validator = validators[object.kind];
      if (Validator === undefined) return [`${nameOf(object)}: no validator`];
      try {
        new Validator(object as never).validate();
        return [];
      } catch (error) {
        return [`${nameOf(object)}: ${String(error)}`];
      }
    });
    expect(istio.length).toBeGreaterThan(50);
    expect(faults).toEqual([]);
  });

  test('pass the API server and istiod, as this repository models both', () => {
    const problems = documentsOf(files).flatMap((document) => validateDocument(document));
    expect(problems.map(({ code, at: place, message }) => `${code} ${place.file}:${place.line} ${message}`)).toEqual(
      [],
    );
  });

  test('are ALLOW policies with positive matching only', () => {
    const negative = istio.flatMap((object) =>
      [...walk(object.spec)]
        .filter(([path]) => /\.not[A-Z]\w*$/.test(path))
        .map(([path]) => `${nameOf(object)}${path}`),
    );
    const other = policies.filter(
      ({ spec }) => !['ALLOW', undefined].includes(at(spec, 'action') as string | undefined),
    );
    expect(negative).toEqual([]);
    expect(other.map(nameOf)).toEqual([]);
  });

  test('name exact principals of the own trust domain, without a scheme', () => {
    const principals = rules.flatMap(({ rule }) =>
      listAt(rule, 'from').flatMap((source) => listAt(source, 'source', 'principals')),
    );
    const exact = new RegExp(`^${trustDomain.replaceAll('.', '\\.')}/ns/[a-z0-9-]+/sa/[a-z0-9-]+$`);
    expect(principals.length).toBeGreaterThan(0);
    expect(principals.filter((principal) => !exact.test(String(principal)))).toEqual([]);
  });

  test('give every rule its callers, except for the public routes of the ingress gateway', () => {
    const open = rules.filter(({ rule }) => at(rule, 'from') === undefined).map(({ policy }) => nameOf(policy));
    expect(open).toEqual(['AuthorizationPolicy istio-ingress/ingress-callers']);
  });

  test('name the container port in every operation, and methods and paths together or not at all', () => {
    const faults = rules.flatMap(({ policy, rule }) =>
      listAt(rule, 'to')
        .filter((entry) => {
          const [ports, methods, paths] = ['ports', 'methods', 'paths'].map((field) =>
            listAt(entry, 'operation', field),
          );
          return ports?.length === 0 || methods?.length !== (paths?.length === 0 ? 0 : 1);
        })
        .map(() => nameOf(policy)),
    );
    expect(faults).toEqual([]);
  });

  test('name exact gRPC paths by POST, and HTTP routes whose templates take whole segments', () => {
    const operations = rules.flatMap(({ rule }) => listAt(rule, 'to').map((entry) => at(entry, 'operation')));
    const faults = operations.flatMap((operation) =>
      listAt(operation, 'paths').filter((path) => {
        const isGrpc = /^\/[A-Za-z0-9_]+\.[A-Za-z0-9_.]+\/[A-Za-z0-9_]+$/.test(String(path));
        const isRoute = /^(\/([a-z0-9-]+|\{\*\}))+$/.test(String(path)) || path === '/v1/traces';
        return isGrpc ? listAt(operation, 'methods').join() !== 'POST' : !isRoute;
      }),
    );
    expect(faults).toEqual([]);
  });

  test('name only hosts, ports and paths that exist', () => {
    const hosts = new Set(
      objects
        .filter(({ kind }) => kind === 'Service')
        .map(({ metadata }) => `${metadata.name}.${metadata.namespace}.svc.cluster.local`),
    );
    const outside = ['istiod.istio-system.svc.cluster.local', 'kube-dns.kube-system.svc.cluster.local'];
    const named = istio.flatMap(({ spec }) =>
      [...walk(spec)].flatMap(([, value]) =>
        typeof value === 'string' ? (value.match(/[a-z0-9-]+\.[a-z0-9-]+\.svc\.cluster\.local/g) ?? []) : [],
      ),
    );
    expect(named.filter((host) => !hosts.has(host) && !outside.includes(host))).toEqual([]);
  });

  test('select with labels that some workload carries, and never with an empty selector', () => {
    const pods = objects.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind));
    const selectors = istio.flatMap((object) => {
      const selector = at(object.spec, 'selector', 'matchLabels') ?? at(object.spec, 'workloadSelector', 'labels');
      return selector === undefined ? [] : [{ object, selector: selector as Readonly<Record<string, string>> }];
    });
    const lost = selectors.filter(({ object, selector }) => {
      const entries = Object.entries(selector);
      const selected = pods.filter(
        (pod) =>
          pod.metadata.namespace === object.metadata.namespace &&
          entries.every(([key, value]) => at(pod.spec, 'template', 'metadata', 'labels', key) === value),
      );
      return entries.length === 0 || selected.length !== 1;
    });
    expect(selectors.length).toBeGreaterThan(20);
    expect(lost.map(({ object }) => nameOf(object))).toEqual([]);
  });

  test('pair every verification of tokens with a policy that asks for a claim, and ask for no claim without it', () => {
    const verifying = istio
      .filter(({ kind }) => kind === 'RequestAuthentication')
      .map(({ metadata }) => metadata.name.replace(/-users$/, ''));
    const asking = policies
      .filter((policy) => listAt(policy, 'spec', 'rules').some((rule) => at(rule, 'when') !== undefined))
      .map(({ metadata }) => metadata.name.replace(/-callers$/, ''));
    expect(verifying.sort()).toEqual(asking.sort());
    const unpaired = rules.filter(({ rule }) => {
      const asksUser = listAt(rule, 'from').some((source) => listAt(source, 'source', 'requestPrincipals').length > 0);
      return asksUser !== (at(rule, 'when') !== undefined);
    });
    expect(unpaired.map(({ policy }) => nameOf(policy))).toEqual([]);
  });

  test('hand the verified payload on under one header, and carry keys inline', () => {
    for (const object of istio.filter(({ kind }) => kind === 'RequestAuthentication')) {
      const [rule] = listAt(object, 'spec', 'jwtRules');
      expect(rule).toMatchObject({ outputPayloadToHeader: 'x-jwt-payload', forwardOriginalToken: true });
      expect(at(rule, 'jwksUri')).toBeUndefined();
      expect(at(rule, 'jwks')).not.toMatch(/"(d|k|p|q)":/);
    }
  });

  test('leave TLS between proxies to auto mutual TLS', () => {
    const explicit = istio
      .filter(({ kind }) => kind === 'DestinationRule')
      .filter(({ spec }) => [...walk(spec)].some(([path]) => path.endsWith('.tls')));
    expect(explicit.map(nameOf)).toEqual([]);
  });

  test('switch retries off for every method that is not declared idempotent', () => {
    const intent = JSON.parse(files.get('intent.json') ?? '') as {
      grants: { http: { path: string } | null; idempotent?: boolean }[];
    };
    const repeatable = new Set(
      intent.grants.filter(({ idempotent }) => idempotent === true).map(({ http }) => http?.path),
    );
    const routes = istio.filter(({ kind }) => kind === 'VirtualService').flatMap(({ spec }) => listAt(spec, 'http'));
    const retried = routes
      .filter((route) => at(route, 'retries', 'attempts') !== 0)
      .map((route) => String(at(route, 'name')).split(' ')[1]);
    expect(routes.length).toBeGreaterThan(20);
    expect(routes.filter((route) => at(route, 'retries') === undefined)).toEqual([]);
    expect(retried.filter((path) => !repeatable.has(path))).toEqual([]);
    expect(retried).not.toContain('/trading.execution.v1.ExecutionService/SubmitTrade');
  });

  test('remove every inner header at the door, on every public route', () => {
    const [door] = istio.filter(
      ({ kind, metadata }) => kind === 'VirtualService' && metadata.namespace === 'istio-ingress',
    );
    for (const route of listAt(door, 'spec', 'http')) {
      expect(listAt(route, 'headers', 'request', 'remove')).toEqual(
        expect.arrayContaining([
          'x-forwarded-client-cert',
          'x-jwt-payload',
          'x-envoy-external-address',
          'x-meshwright-probe',
        ]),
      );
    }
  });

  test('open one public host on one HTTPS port, by a named credential', () => {
    const gateways = istio.filter(({ kind }) => kind === 'Gateway');
    const servers = gateways.flatMap(({ spec }) => listAt(spec, 'servers'));
    expect(servers).toHaveLength(1);
    expect(servers[0]).toMatchObject({
      port: { number: 8443, protocol: 'HTTPS' },
      tls: { mode: 'SIMPLE', credentialName: 'ingress-tls', minProtocolVersion: 'TLSV1_3' },
    });
    expect(JSON.stringify(listAt(servers[0], 'hosts'))).not.toContain('*');
  });

  test('let a workload reach exactly the hosts of its declared edges', () => {
    const intent = JSON.parse(files.get('intent.json') ?? '') as Record<
      'grants' | 'platform',
      { caller: Record<string, string>; callee: Record<string, string> }[]
    >;
    const service: Readonly<Record<string, string>> = { coredns: 'kube-dns' };
    for (const sidecar of istio.filter(({ kind, metadata }) => kind === 'Sidecar' && metadata.name !== 'default')) {
      const declared = [...intent.grants, ...intent.platform]
        .filter(
          ({ caller }) =>
            caller['namespace'] === sidecar.metadata.namespace && caller['serviceAccount'] === sidecar.metadata.name,
        )
        .map(({ callee }) => {
          const name = callee['workload'] ?? '';
          return `${callee['namespace']}/${service[name] ?? name}.${callee['namespace']}.svc.cluster.local`;
        });
      expect(listAt(sidecar, 'spec', 'egress', 0, 'hosts')).toEqual([...new Set(declared)].sort());
    }
  });

  test('say that the registry is all there is, mesh-wide and in every Sidecar', () => {
    const sidecars = istio.filter(({ kind }) => kind === 'Sidecar');
    expect(sidecars.map(({ spec }) => at(spec, 'outboundTrafficPolicy', 'mode'))).toEqual(
      sidecars.map(() => 'REGISTRY_ONLY'),
    );
    expect(files.get('istio.yaml')).toContain('mode: REGISTRY_ONLY');
    expect(files.get('istio.yaml')).toContain(`trustDomain: ${trustDomain}`);
  });
});

describe('the seed case', async () => {
  const files = await synthesized('kind');
  const policies = objectsOf(files).filter(({ kind }) => kind === 'AuthorizationPolicy');
  const path = '/trading.execution.v1.ExecutionService/SubmitTrade';
  const naming = policies.flatMap((policy) =>
    listAt(policy, 'spec', 'rules')
      .filter((rule) => JSON.stringify(rule).includes(path))
      .map((rule) => ({ policy, rule })),
  );

  test('order may call POST /trades on execution, and nobody else may', () => {
    expect(naming.map(({ policy }) => nameOf(policy))).toEqual(['AuthorizationPolicy trading/execution-callers']);
    expect(listAt(naming[0]?.rule, 'from')).toEqual([
      { source: { principals: ['trading.local/ns/trading/sa/order'] } },
    ]);
    expect(listAt(naming[0]?.rule, 'to')).toEqual([
      expect.objectContaining({ operation: expect.objectContaining({ methods: ['POST'], ports: ['50053'] }) }),
    ]);
  });

  test('stands in the manifest as a route beside the exact path, with the places of both keys', () => {
    const annotations = naming[0]?.policy.metadata.annotations ?? {};
    expect(annotations['meshwright.dev/routes']?.split('\n')).toContain(`POST /trades -> ${path}`);
    expect(annotations['meshwright.dev/source']).toMatch(
      new RegExp(
        `services/order/service\\.ts:\\d+ \\+ policies/intent/execution\\.ts:\\d+: trading/order -> POST ${path}`,
      ),
    );
  });
});
