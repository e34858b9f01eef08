import type { Construct } from 'constructs';
import { connectionLines } from './grant-annotations.ts';
import { atSynthesis, renderObject, sourceAnnotation } from './istio-object.ts';
import { type Edge, type Labels, sortedUnique } from './peer.ts';

const registryOnly = { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } };

/** Adds the namespace's default Sidecar: a workload without one of its own reaches no host. */
export function reachNothing(scope: Construct): void {
  renderObject(scope, 'reach-nothing', {
    kind: 'Sidecar',
    metadata: { name: 'default' },
    body: { spec: { egress: [{ hosts: ['~/*'] }], ...registryOnly } },
  });
}

/** The entries of `egress[].hosts` for the edges of one caller: `trading/execution.trading.svc.cluster.local`. */
function egressHosts(outbound: readonly Edge[]): readonly string[] {
  const hosts = outbound.flatMap(({ callee }) => {
    if (callee.kind === 'pods') return [`${callee.namespace}/${callee.host}`];
    return callee.kind === 'external' ? [`./${callee.host}`] : [];
  });
  return hosts.length === 0 ? ['~/*'] : sortedUnique(hosts);
}

/** What one workload's proxy may reach. */
export interface ReachProps {
  readonly name: string;
  readonly selector: Labels;
  /** Asked at synthesis, when every edge is known. */
  readonly outbound: () => readonly Edge[];
}

/** Adds the Sidecar of one workload with exactly the hosts that it calls. */
export function reachDeclaredHosts(scope: Construct, id: string, props: ReachProps): void {
  renderObject(scope, id, {
    kind: 'Sidecar',
    metadata: {
      name: props.name,
      annotations: { [sourceAnnotation]: atSynthesis(() => connectionLines(props.outbound())) },
    },
    body: {
      spec: {
        workloadSelector: { labels: props.selector },
        egress: [{ hosts: atSynthesis(() => egressHosts(props.outbound())) }],
        ...registryOnly,
      },
    },
  });
}
