import type { Construct } from 'constructs';
import { renderObject } from './istio-object.ts';
import type { Labels } from './peer.ts';

/** Adds the PodDisruptionBudget of one workload: a drain takes one pod at a time, and a single replica never blocks it. */
export function disruptionBudget(
  scope: Construct,
  id: string,
  props: { readonly name: string; readonly selector: Labels },
): void {
  renderObject(scope, id, {
    kind: 'PodDisruptionBudget',
    metadata: { name: props.name },
    body: {
      spec: { maxUnavailable: 1, selector: { matchLabels: props.selector }, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    },
  });
}

/** Between which bounds a Deployment is scaled, and by what. */
export interface ScalingProps {
  readonly name: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly cpuPercent: number;
}

/** Adds the HorizontalPodAutoscaler of one Deployment. */
export function scaling(scope: Construct, id: string, props: ScalingProps): void {
  const { name, minimum, maximum, cpuPercent } = props;
  renderObject(scope, id, {
    kind: 'HorizontalPodAutoscaler',
    metadata: { name },
    body: {
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: minimum,
        maxReplicas: maximum,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuPercent } },
          },
        ],
      },
    },
  });
}
