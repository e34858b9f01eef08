import type { ServiceDeclaration } from '../runtime/declaration.ts';

/** Jaeger: traces of applications (OTLP over HTTP, 4318) and of their proxies (OTLP over gRPC, 4317). */
export const jaeger: ServiceDeclaration = {
  name: 'jaeger',
  namespace: 'observability',
  serviceAccount: 'jaeger',
  kind: 'platform',
  owner: 'team-platform',
  contracts: [
    { kind: 'http', port: 4318, routes: [{ method: 'POST', path: '/v1/traces' }] },
    {
      kind: 'grpc',
      port: 4317,
      services: [
        {
          typeName: 'opentelemetry.proto.collector.trace.v1.TraceService',
          methods: {
            export: {
              service: 'opentelemetry.proto.collector.trace.v1.TraceService',
              name: 'Export',
              path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
              http: null,
              requestStream: false,
              responseStream: false,
              idempotency: 'none',
            },
          },
        },
      ],
    },
  ],
  scaling: 'singleton',
  calls: [],
};
