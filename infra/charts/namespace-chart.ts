import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { strictMutualTls } from '../constructs/authentication.ts';
import { defaultDeny } from '../constructs/authorization-policy.ts';
import { renderObject } from '../constructs/istio-object.ts';
import { isolateNamespace } from '../constructs/network-policy.ts';
import { reachNothing } from '../constructs/sidecar.ts';
import { kubernetesVersion } from '../environments/versions.ts';

/** Pod Security levels are judged by the rules of the pinned Kubernetes, not of whatever the cluster runs later. */
const podSecurityVersion = `v${kubernetesVersion.split('.').slice(0, 2).join('.')}`;

/** The labels that hold a namespace's pods to one Pod Security level. */
export function podSecurityLabels(level: 'restricted' | 'privileged'): Readonly<Record<string, string>> {
  const levels = ['enforce', 'audit', 'warn'].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, level],
    [`pod-security.kubernetes.io/${mode}-version`, podSecurityVersion],
  ]);
  return Object.fromEntries(levels);
}

/** Labels of every namespace of the platform. */
function namespaceLabels(name: string, injection: 'enabled' | 'disabled'): Readonly<Record<string, string>> {
  return {
    'kubernetes.io/metadata.name': name,
    'istio-injection': injection,
    ...podSecurityLabels('restricted'),
  };
}

/** Namespaces are cluster-scoped, so they live in a chart without a namespace. */
export class ClusterChart extends Chart {
  constructor(scope: Construct, id: string) {
    super(scope, id, { disableResourceNameHashes: true });
  }

  /** Adds a namespace under Pod Security `restricted`. */
  addNamespace(name: string, injection: 'enabled' | 'disabled'): void {
    renderObject(this, name, {
      kind: 'Namespace',
      metadata: { name, labels: namespaceLabels(name, injection) },
      body: {},
    });
  }
}

/** Everything of one namespace. It begins closed: mutual TLS only, nobody calls, nobody reaches, nothing on the network. */
export class NamespaceChart extends Chart {
  constructor(scope: Construct, namespace: string) {
    super(scope, namespace, { namespace, disableResourceNameHashes: true });
    strictMutualTls(this);
    defaultDeny(this);
    isolateNamespace(this);
    reachNothing(this);
  }
}
