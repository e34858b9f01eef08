import { describe, expect, test } from 'vitest';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { meshOf, networkingYaml } from '../../../support/small-mesh.ts';

const pod = (annotations: object, container: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'x', namespace: 'a', labels: { app: 'x', 'sidecar.istio.io/inject': 'true' }, annotations },
    spec: { containers: [{ name: container, image: 'auto' }] },
  });
const gateway = (selector: object) =>
  networkingYaml('Gateway', 'b', {
    selector,
    servers: [{ port: { number: 8080, name: 'h', protocol: 'HTTP' }, hosts: ['*'] }],
  });

function assumptionsOf(...documents: readonly string[]): readonly string[] {
  const request = parseRequest({
    destination: { namespace: 'a', workload: 'x', port: 8080 },
    http: { method: 'GET', path: '/', host: 'h' },
  });
  if (!request.ok) throw new Error(JSON.stringify(request.problems));
  return compile(meshOf(...documents), PROFILES['istio-1.31']).decide(request.value).assumptions;
}

describe('a pod that a Gateway selects', () => {
  test.for([
    { what: 'the gateway template', annotations: { 'inject.istio.io/templates': 'gateway' }, container: 'c' },
    { what: 'several templates', annotations: { 'inject.istio.io/templates': 'spire, gateway' }, container: 'c' },
    { what: 'the proxy as a container of its own', annotations: {}, container: 'istio-proxy' },
  ])('is a gateway where it says so: $what', ({ annotations, container }) => {
    expect(assumptionsOf(pod(annotations, container), gateway({ app: 'x' }))).toEqual([]);
  });

  test.for([
    { what: 'an application whose labels fit', selector: { app: 'x' } },
    { what: 'any pod at all', selector: {} },
  ])('is taken for one under an assumption else: $what', ({ selector }) => {
    expect(assumptionsOf(pod({ 'inject.istio.io/templates': 'sidecar' }, 'c'), gateway(selector))).toEqual([
      '`a/x` is a gateway, as Gateway `b/gateway` takes it for, not an application',
    ]);
  });
});
