import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';
import type { Problem } from '#policies/language/problem.ts';
import { validate } from '#policies/language/validate.ts';
import { mutate } from '../../../support/mutated-text.ts';

const SEED = 19_700_101;
const RUNS = 20_000;

const recorded = join(import.meta.dirname, '../../../conformance/recorded/rejected/documents.jsonl');
const policies = readFileSync(recorded, 'utf8')
  .trim()
  .split('\n')
  .map((line) => printYaml(JSON.parse(line).document))
  .filter((text) => text.length < 4000);

/** One object of each family whose schema is carried, beside the recorded policies. */
const others = [
  { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }] },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 80, targetPort: 'web' }] } },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'a', labels: { x: 'y' } },
    spec: {
      podSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
      ingress: [
        { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 1, endPort: 2 }] },
      ],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'a' },
    spec: { egress: [{ hosts: ['./*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
  },
].map(printYaml);

const texts = [...policies, ...others];

const CODE = /^(yaml|document|schema|unknown-field|cel|webhook)\/[a-z-]+$/;

function assertLocated(found: Problem, text: string): void {
  const lines = text.split(/\r\n|\n|\r/).length;
  if (!CODE.test(found.code)) throw new Error(`unknown code ${found.code}`);
  if (found.message === '' || found.at.file !== 'm.yaml') throw new Error(`no text or file: ${JSON.stringify(found)}`);
  if (!Number.isInteger(found.at.line) || found.at.line < 1 || found.at.line > lines) {
    throw new Error(`line ${found.at.line} of ${lines}: ${JSON.stringify(found)}`);
  }
}

describe('reading and validating', () => {
  test(`${RUNS} mutated documents end in a value or in located problems (seed ${SEED})`, () => {
    const edit = fc.tuple(fc.nat(), fc.nat(), fc.nat());
    const seen = new Set<string>();
    const property = fc.property(fc.nat(), fc.array(edit, { minLength: 1, maxLength: 4 }), (start, edits) => {
      const text = edits.reduce(mutate, texts[start % texts.length] ?? '');
      const { documents, problems } = readDocuments('m.yaml', text);
      const found = [...problems, ...documents.flatMap((document) => validate(document))];
      for (const one of found) {
        assertLocated(one, text);
        seen.add(one.code.split('/')[0] ?? '');
      }
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
    expect([...seen].sort()).toEqual(['cel', 'document', 'schema', 'unknown-field', 'webhook', 'yaml']);
  });
});
