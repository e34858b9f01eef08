import type { Construct } from 'constructs';
import type { AuthorizationRule } from './authorization-rules.ts';
import { atSynthesis, renderObject } from './istio-object.ts';
import type { Labels } from './peer.ts';

/** Adds the policy without rules: an ALLOW that matches nothing, so that whatever no other policy admits is denied. */
export function defaultDeny(scope: Construct): void {
  renderObject(scope, 'default-deny', {
    kind: 'AuthorizationPolicy',
    metadata: { name: 'default-deny' },
    body: { spec: {} },
  });
}

/** Who may call one workload. */
export interface CallersPolicyProps {
  readonly name: string;
  /** Labels of the callee's pods; never empty. */
  readonly selector: Labels;
  readonly annotations: Labels;
  /** Asked at synthesis, when every edge is known. */
  readonly rules: () => readonly AuthorizationRule[];
}

/** Adds the ALLOW policy of one workload. Without rules it admits nobody. */
export function callersPolicy(scope: Construct, id: string, props: CallersPolicyProps): void {
  renderObject(scope, id, {
    kind: 'AuthorizationPolicy',
    metadata: { name: props.name, annotations: props.annotations },
    body: {
      spec: { action: 'ALLOW', selector: { matchLabels: props.selector }, rules: atSynthesis(props.rules) },
    },
  });
}
