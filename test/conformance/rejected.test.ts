import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDocuments } from '#policies/language/document.ts';
import { printYaml } from '#policies/language/print.ts';
import { firstGate, validate } from '#policies/language/validate.ts';

/** One recorded document and the first gate of API server and istiod that refused it. */
interface Recorded {
  readonly id: string;
  readonly class: string;
  readonly message: string;
  readonly document: unknown;
}

const file = join(import.meta.dirname, 'recorded', 'rejected', 'documents.jsonl');
const recorded: readonly Recorded[] = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

describe('documents that the API server or istiod refused', () => {
  test('all 78 are there, of every class', () => {
    expect(recorded).toHaveLength(78);
    expect(new Set(recorded.map((row) => row.class))).toEqual(
      new Set(['schema', 'unknown-field', 'cel', 'webhook', 'accepted']),
    );
  });

  test.for(recorded.map((row) => [row.id, row] as const))('%s is refused by the recorded gate', ([id, row]) => {
    const { documents, problems } = readDocuments(`${id}.yaml`, printYaml(row.document));
    expect(problems).toEqual([]);
    const found = documents.flatMap((document) => validate(document));
    expect(firstGate(found) ?? 'accepted', `recorded: ${row.message}\nfound: ${JSON.stringify(found)}`).toBe(row.class);
  });
});
