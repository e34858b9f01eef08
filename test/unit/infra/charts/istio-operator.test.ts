import { describe, expect, test } from 'vitest';
import { istioOperator } from '#infra/charts/istio-operator.ts';
import { environments } from '#infra/environments/index.ts';
import { istioVersion } from '#infra/environments/versions.ts';
import { at } from '../../../support/manifest-object.ts';

describe.each(environments)('the installation of Istio on $name', (environment) => {
  const spec = at(istioOperator(environment), 'spec');

  test('is the pinned version from the release registry, distroless', () => {
    expect(spec).toMatchObject({ tag: istioVersion, hub: 'registry.istio.io/release', profile: 'minimal' });
    expect(at(spec, 'values', 'global', 'variant')).toBe('distroless');
  });

  test('has the trust domain, TLS 1.3, merged slashes and a closed registry', () => {
    expect(at(spec, 'meshConfig')).toMatchObject({
      trustDomain: environment.trustDomain,
      meshMTLS: { minProtocolVersion: 'TLSV1_3' },
      pathNormalization: { normalization: 'MERGE_SLASHES' },
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
    });
  });

  test('traces through a provider by its full host and gRPC port', () => {
    expect(at(spec, 'meshConfig', 'extensionProviders')).toEqual([
      { name: 'jaeger-otlp', opentelemetry: { service: 'jaeger.observability.svc.cluster.local', port: 4317 } },
    ]);
    expect(at(spec, 'meshConfig', 'defaultProviders', 'tracing')).toEqual(['jaeger-otlp']);
  });

  test('captures traffic by CNI outside the restricted namespaces, and installs no gateway of its own', () => {
    expect(at(spec, 'components', 'cni')).toMatchObject({ enabled: true, namespace: 'kube-system' });
    expect(at(spec, 'values', 'pilot', 'cni', 'enabled')).toBe(true);
    expect(at(spec, 'values', 'pilot', 'seccompProfile', 'type')).toBe('RuntimeDefault');
    expect(at(spec, 'components', 'ingressGateways', 0, 'enabled')).toBe(false);
    expect(at(spec, 'components', 'egressGateways', 0, 'enabled')).toBe(false);
  });

  test('asks for all four resources of the sidecar, and for a disruption budget only with several replicas', () => {
    expect(at(spec, 'values', 'global', 'proxy', 'resources')).toEqual(environment.resources.sidecar);
    expect(at(spec, 'values', 'global', 'defaultPodDisruptionBudget', 'enabled')).toBe(environment.istiodReplicas > 1);
  });
});
