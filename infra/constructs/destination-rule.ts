import type { Construct } from 'constructs';
import { atSynthesis, renderObject } from './istio-object.ts';
import { sortedUnique } from './peer.ts';

/** How callers treat the connections to one workload. */
export interface CallerLimitsProps {
  readonly name: string;
  readonly host: string;
  readonly protocol: 'http' | 'tcp';
  /** Asked at synthesis: the callers' namespaces, which alone see this rule. */
  readonly visibleIn: () => readonly string[];
}

/** For gRPC it is the two request bounds that bind: beyond them a call fails at once with 503, gRPC 14. */
const connectionPool = {
  http: {
    tcp: { connectTimeout: '1s', maxConnections: 100 },
    http: { http1MaxPendingRequests: 256, http2MaxRequests: 1024, idleTimeout: '300s', maxRetries: 3 },
  },
  tcp: { tcp: { connectTimeout: '1s', maxConnections: 100 } },
} as const;

/** Below half of the replicas in health, ejection stops; a single replica is therefore never taken out. */
const outlierDetection = {
  baseEjectionTime: '30s',
  consecutive5xxErrors: 5,
  consecutiveGatewayErrors: 5,
  interval: '10s',
  maxEjectionPercent: 50,
  minHealthPercent: 50,
};

/** Adds the DestinationRule of one workload. TLS is left to auto mutual TLS: an explicit mode would replace it. */
export function callerLimits(scope: Construct, id: string, props: CallerLimitsProps): void {
  renderObject(scope, id, {
    kind: 'DestinationRule',
    metadata: { name: props.name },
    body: {
      spec: {
        host: props.host,
        exportTo: atSynthesis(() => sortedUnique(['.', ...props.visibleIn()])),
        trafficPolicy: { connectionPool: connectionPool[props.protocol], outlierDetection },
      },
    },
  });
}
