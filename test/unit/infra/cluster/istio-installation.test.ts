import { expect, test } from 'vitest';
import { istioctlArguments } from '#infra/cluster/istio-installation.ts';
import { siteParameters as site } from './site-parameters.ts';

const request = {
  context: 'kind-x',
  rootNamespace: 'istio-system',
  operatorFile: 'dist/kind/istio.yaml',
  parameters: site,
};

test("istioctl reads our file, then the site's, and hub and tag win over both", () => {
  const parameters = { ...site, istioOverlay: '/site/istio.yaml', istioCharts: '/site/charts' };
  const args = istioctlArguments({ ...request, parameters });
  const files = args.filter((arg) => arg.startsWith('--filename='));
  expect(files).toEqual(['--filename=dist/kind/istio.yaml', '--filename=/site/istio.yaml']);
  expect(args).toEqual(
    expect.arrayContaining([
      '--context=kind-x',
      '--manifests=/site/charts',
      '--set=hub=site/istio',
      '--set=tag=1.31.9',
    ]),
  );
});

test('without an overlay and charts of the site, istioctl takes its own', () => {
  const args = istioctlArguments(request).join(' ');
  expect(args).not.toContain('--manifests');
  expect(args.match(/--filename/g)).toHaveLength(1);
});
