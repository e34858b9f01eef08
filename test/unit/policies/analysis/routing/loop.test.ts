import { expect, test } from 'vitest';
import { meshConfigYaml, networkingYaml } from '../../../../support/small-mesh.ts';
import { faultsBy, run } from '../../cli/command-line.ts';

/** A gateway whose route leads back to it. */
const ROUND = [
  meshConfigYaml({}),
  `apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress, namespace: edge}
spec:
  selector: {matchLabels: {app: ingress}}
  template:
    metadata:
      labels: {app: ingress, sidecar.istio.io/inject: 'true'}
      annotations: {inject.istio.io/templates: gateway}
    spec: {containers: [{name: istio-proxy, image: auto}]}
---
apiVersion: v1
kind: Service
metadata: {name: ingress, namespace: edge}
spec: {selector: {app: ingress}, ports: [{port: 80, name: http, targetPort: 8080}]}`,
  networkingYaml('Gateway', 'edge', {
    selector: { app: 'ingress' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
  }),
  networkingYaml('VirtualService', 'edge', {
    hosts: ['*'],
    gateways: ['gateway'],
    http: [{ route: [{ destination: { host: 'ingress', port: { number: 80 } } }] }],
  }),
].join('\n---\n');

const request = JSON.stringify({
  destination: { namespace: 'edge', workload: 'ingress', port: 8080 },
  http: { method: 'GET', path: '/', host: 'x' },
});
const explained = (...more: readonly string[]) => run(['explain', '-', '--request', request, ...more], ROUND);

test('a request that gateways send round is not said to reach an application', async () => {
  const { stdout } = await explained();
  expect(stdout).toMatch(/^ALLOWED by the gateway, not decided behind it/);
  expect(stdout).toContain('it is not followed over more than 4 gateways');
  expect(stdout).not.toContain('the answer of the application');
  const json = JSON.parse((await explained('--format', 'json')).stdout);
  expect(await faultsBy('explanation', json)).toEqual([]);
  expect(await faultsBy('answer', json.answer)).toEqual([]);
});
