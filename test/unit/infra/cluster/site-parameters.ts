import type { Parameters } from '#infra/cluster/parameters.ts';

/** The parameters of a site that brings every image of its own and no further files. */
export const siteParameters: Parameters = {
  kindNodeImage: 'site/node:v1.36.1',
  istio: { hub: 'site/istio', tag: '1.31.9' },
  istioOverlay: undefined,
  istioCharts: undefined,
  jaegerImage: 'site/jaeger:2',
  postgresImage: 'site/postgres:18',
  nodeBaseImage: 'site/node:26',
};
