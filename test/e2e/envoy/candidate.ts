import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Judged } from './judge.ts';
import { yamlOf } from './stage.ts';

/** Writes a disagreement as the folder of a conformance case, with what Envoy did as the expectation. */
export function writeCandidate(folder: string, name: string, { set, request, seen }: Judged): string {
  const { id: _id, ...json } = request;
  const row = {
    name: 'the request that Envoy and the engine disagreed on',
    request: json,
    expected: { verdict: seen.verdict, layer: seen.layer },
    because: 'istiod and Envoy decided so',
  };
  const requests = [
    "import type { ConformanceRequest } from '../../conformance-case.ts';",
    '',
    '/** What the real control plane and the real proxy decided. */',
    `export const requests: readonly ConformanceRequest[] = ${JSON.stringify([row], null, 2)};`,
    '',
  ];
  const target = join(folder, name);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'policies.yaml'), `# A disagreement with istiod and Envoy.\n${yamlOf(set)}`);
  writeFileSync(join(target, 'requests.ts'), requests.join('\n'));
  return target;
}
