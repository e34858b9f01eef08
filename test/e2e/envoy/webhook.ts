import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printYaml } from '#policies/language/print.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import { output } from './processes.ts';
import { areasOf } from './stage.ts';

/** Compares the validation code of istiod, as `istioctl validate` runs it, with ours; one line a disagreement. */
export async function compareWebhook(
  istioctl: string,
  folder: string,
  policies: readonly KubernetesObject[],
): Promise<readonly string[]> {
  const named = policies.map((policy, index) => ({
    ...policy,
    metadata: { ...policy.metadata, name: `document-${index}` },
  }));
  const file = join(folder, 'documents.yaml');
  writeFileSync(file, named.map(printYaml).join('---\n'));
  const { stdout, stderr } = await output(istioctl, ['validate', '-f', file], { tolerate: true });
  const [, errors = ''] = `${stdout}${stderr}`.split(/^Error: /m);
  const refused = new Map(
    [...errors.matchAll(/^\s+\* \w+\/[^/]+\/document-(\d+): (.*)$/gm)].map(([, index, text]) => [Number(index), text]),
  );
  return policies.flatMap((policy, index) => {
    const ours = areasOf(policy);
    const theirs = refused.get(index);
    if ((theirs !== undefined) === ours.length > 0) return [];
    return [`istioctl ${theirs ?? 'accepts'}, ours ${ours.join(', ') || 'accepts'}: ${JSON.stringify(policy)}`];
  });
}
