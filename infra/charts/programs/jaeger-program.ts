import { printYaml } from '#policies/language/print.ts';
import type { Program } from '../../constructs/program.ts';
import type { Environment } from '../../environments/index.ts';
import { imageReference, jaegerImage } from '../../environments/versions.ts';

/** Name of the ConfigMap with Jaeger's configuration. */
export const jaegerConfiguration = 'jaeger-configuration';

/** Traces kept in memory; a bound by number, so the memory limit leaves room. */
const maxTraces = 5000;

/**
 * Jaeger v2's configuration file. Every endpoint would default to localhost: the two receivers and the health port are
 * opened, the query port stays on loopback and is reached by port forwarding only.
 */
export function jaegerSettings(): string {
  return printYaml({
    service: {
      extensions: ['healthcheckv2', 'jaeger_query', 'jaeger_storage'],
      pipelines: { traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['jaeger_storage_exporter'] } },
      telemetry: { logs: { level: 'warn' }, metrics: { level: 'none' } },
    },
    extensions: {
      healthcheckv2: { use_v2: true, http: { endpoint: '0.0.0.0:13133' } },
      jaeger_query: {
        storage: { traces: 'memory' },
        http: { endpoint: '127.0.0.1:16686' },
        grpc: { endpoint: '127.0.0.1:16685' },
      },
      jaeger_storage: { backends: { memory: { memory: { max_traces: maxTraces } } } },
    },
    receivers: { otlp: { protocols: { grpc: { endpoint: '0.0.0.0:4317' }, http: { endpoint: '0.0.0.0:4318' } } } },
    processors: { batch: { timeout: '200ms' } },
    exporters: { jaeger_storage_exporter: { trace_storage: 'memory' } },
  });
}

/** How Jaeger runs: proxies send over gRPC, applications over HTTP. */
export function jaegerProgram({ resources }: Environment): Program {
  return {
    containerName: 'jaeger',
    image: imageReference(jaegerImage),
    args: ['--config', '/etc/jaeger/config.yaml'],
    environment: { GOMEMLIMIT: '400MiB' },
    ports: [
      { name: 'http', number: 4318 },
      { name: 'grpc', number: 4317 },
      { name: 'health', number: 13_133 },
    ],
    mounts: [
      { kind: 'configuration', name: 'configuration', path: '/etc/jaeger', configMapName: jaegerConfiguration },
      { kind: 'scratch', name: 'tmp', path: '/tmp', sizeLimit: '64Mi' },
    ],
    readiness: { kind: 'http', port: 13_133, path: '/status' },
    liveness: { kind: 'tcp', port: 13_133 },
    resources: resources.jaeger,
    uid: 10_001,
    graceSeconds: 30,
  };
}
