import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { strictMutualTls } from '../constructs/authentication.ts';
import { defaultDeny } from '../constructs/authorization-policy.ts';
import { renderObject } from '../constructs/istio-object.ts';
import { controlPlaneDoor } from '../constructs/network-policy.ts';
import type { Peer } from '../constructs/peer.ts';
import type { Environment } from '../environments/index.ts';
import { tracingProvider } from './istio-operator.ts';

/** The root namespace: what holds for the whole mesh. */
export class RootChart extends Chart {
  constructor(scope: Construct, environment: Environment, proxies: readonly Peer[]) {
    super(scope, environment.rootNamespace, {
      namespace: environment.rootNamespace,
      disableResourceNameHashes: true,
    });
    strictMutualTls(this);
    defaultDeny(this);
    controlPlaneDoor(this, 'istiod', { proxies, configurationPort: 15_012, webhookPort: 15_017 });
    this.#addTelemetry(environment.tracingPercentage);
  }

  #addTelemetry(percentage: number): void {
    renderObject(this, 'telemetry', {
      kind: 'Telemetry',
      metadata: { name: 'mesh-default' },
      body: {
        spec: {
          // The default is 0: without this line tracing is silently off.
          tracing: [{ providers: [{ name: tracingProvider }], randomSamplingPercentage: percentage }],
          accessLogging: [{ providers: [{ name: 'envoy' }] }],
        },
      },
    });
  }
}
