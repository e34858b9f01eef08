import type { Construct } from 'constructs';
import type { Grant } from '#policies/intent/index.ts';
import { atSynthesis, renderObject } from './istio-object.ts';
import { sortedUnique } from './peer.ts';
import { declaredRoutes, undeclaredRoutes } from './routing-rules.ts';

/** How callers inside the mesh reach one workload. */
export interface MeshRoutesProps {
  readonly name: string;
  readonly host: string;
  /** Ports that speak HTTP or gRPC. */
  readonly ports: readonly number[];
  /** Asked at synthesis: what callers with sidecars may send. */
  readonly grants: () => readonly Grant[];
  /** Asked at synthesis: the callers' namespaces, which alone see these routes. */
  readonly visibleIn: () => readonly string[];
}

/** Adds the VirtualService of one workload for sidecars: time-outs and retries of every declared method. */
export function meshRoutes(scope: Construct, id: string, props: MeshRoutesProps): void {
  const { name, host, ports } = props;
  renderObject(scope, id, {
    kind: 'VirtualService',
    metadata: { name },
    body: {
      spec: {
        hosts: [host],
        exportTo: atSynthesis(() => sortedUnique(['.', ...props.visibleIn()])),
        http: atSynthesis(() => [
          ...declaredRoutes(host, props.grants(), { matchesMethod: false }),
          ...undeclaredRoutes(host, ports),
        ]),
      },
    },
  });
}

/**
 * Headers that only the mesh may set and that are removed from every request of the internet: identities and payloads
 * that a sidecar vouches for, Envoy's switches, and the marker of conformance probes.
 */
const strippedHeaders: readonly string[] = [
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-external-address',
  'x-envoy-force-trace',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-internal',
  'x-envoy-ip-tags',
  'x-envoy-max-retries',
  'x-envoy-original-host',
  'x-envoy-original-path',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-stream-duration-ms',
  'x-forwarded-client-cert',
  'x-jwt-payload',
  'x-meshwright-probe',
];

/** How the internet reaches one workload through the ingress gateway. */
export interface PublicRoutesProps {
  readonly name: string;
  /** The public host. */
  readonly host: string;
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  /** Asked at synthesis: what the ingress gateway may send, by the callee's DNS name. */
  readonly grants: () => ReadonlyMap<string, readonly Grant[]>;
}

/** Adds the VirtualService of the ingress gateway: the declared routes and nothing else, stripped of inner headers. */
export function publicRoutes(scope: Construct, id: string, props: PublicRoutesProps): void {
  const headers = { request: { remove: strippedHeaders } };
  renderObject(scope, id, {
    kind: 'VirtualService',
    metadata: { name: props.name },
    body: {
      spec: {
        hosts: [props.host],
        gateways: [props.gateway],
        exportTo: ['.'],
        http: atSynthesis(() =>
          [...props.grants()].flatMap(([callee, grants]) =>
            declaredRoutes(callee, grants, { matchesMethod: true }).map(({ match, ...route }) => ({
              ...route,
              // A Gateway's own port is what a match would mean here, so none is named.
              ...(match === undefined ? {} : { match: match.map(({ port: _, ...rest }) => rest) }),
              headers,
            })),
          ),
        ),
      },
    },
  });
}
