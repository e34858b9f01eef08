import { printYaml } from '#policies/language/print.ts';
import type { Environment } from '../environments/index.ts';

/** The annotation by which Argo CD orders what it applies: a wave begins when the one before is healthy. */
export const waveAnnotation = 'argocd.argoproj.io/sync-wave';

/**
 * The wave of a file of manifests, its prefix. Without waves Argo CD applies custom kinds last, workloads before the
 * policies that close them.
 */
export function waveOf(file: string): string {
  return String(Number(file.slice(0, 2)));
}

/**
 * The one Application that delivers an environment, undefined where people apply it. It stands outside `manifests/`, so
 * that it does not deliver itself.
 */
export function tryPrintArgoApplication({ name, delivery, rootNamespace }: Environment): string | undefined {
  if (delivery.kind === 'applied') return undefined;
  const { repository, revision, path, namespace } = delivery;
  return printYaml({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: `meshwright-${name}`, namespace },
    spec: {
      project: 'default',
      source: { repoURL: repository, targetRevision: revision, path, directory: { recurse: true } },
      destination: { server: 'https://kubernetes.default.svc', namespace: rootNamespace },
      syncPolicy: {
        automated: { prune: true, selfHeal: true },
        retry: { limit: 5, backoff: { duration: '10s', factor: 2, maxDuration: '3m' } },
        // Server-side, so that fields of others (the autoscaler's replicas) stay theirs; namespaces are ours, with their levels.
        syncOptions: ['ServerSideApply=true', 'CreateNamespace=false', 'PruneLast=true', 'FailOnSharedResource=true'],
      },
    },
  });
}
