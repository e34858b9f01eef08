import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printYaml } from '#policies/language/print.ts';
import { areasOf, type Opinion } from './gates.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import { output } from './processes.ts';

/** Compares the validation code of istiod, as `istioctl validate` runs it, with ours. */
export async function compareWebhook(
  istioctl: string,
  folder: string,
  policies: readonly KubernetesObject[],
): Promise<readonly Opinion[]> {
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
  return policies.map((policy, index) => {
    const theirs = refused.get(index) ?? null;
    // A fault of the schema is the API server's to refuse; istioctl sees most of them too, but not all.
    const ours = areasOf(policy).filter((area) => theirs !== null || area === 'webhook');
    return {
      gate: 'istioctl',
      theirs,
      ours: ours.length === 0 ? null : ours.join(', '),
      policy,
    };
  });
}
