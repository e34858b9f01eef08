/** Replays every verdict that istiod and Envoy gave. README in `recorded/`. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Answer, compile, PROFILES, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import { decideNaively } from '#policies/analysis/naive.ts';
import { readDocuments } from '#policies/language/document.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { type RecordedSet, type RecordedVerdict, recordedIssuerKeys, recordedSets } from '../support/recorded.ts';

const folder = new URL('./recorded/', import.meta.url);
const issuerKeys = recordedIssuerKeys();
const listed: readonly { readonly set: string; readonly id: string; readonly reason: string }[] = JSON.parse(
  readFileSync(new URL('differences.json', folder), 'utf8'),
);

const shown = ({ verdict, layer, policy, rule, http }: RecordedVerdict) =>
  JSON.stringify({ verdict, layer, policy, rule, http });

/** Policy and rule count where the recording names them: Envoy names one of the rules that match. */
function agrees(answer: Answer, row: RecordedVerdict): boolean {
  return (
    answer.verdict === row.verdict &&
    answer.layer === row.layer &&
    (answer.status?.http ?? null) === row.http &&
    (row.policy === null || (row.policy === answer.policy && row.rule === answer.rule))
  );
}

function replay(set: RecordedSet): readonly { readonly id: string; readonly text: string }[] {
  const { documents } = readDocuments(`${set.name}/manifests.yaml`, set.manifests);
  const mesh = parseMesh(documents, set.name.startsWith('unvalidated-') ? { tolerate: ['webhook'] } : {});
  if (!mesh.ok) throw new Error(mesh.problems.map(({ code, message }) => `${code}: ${message}`).join('\n'));
  const decider = compile(mesh.value, PROFILES['istio-1.31'], { issuerKeys });
  const world = { mesh: mesh.value, profile: PROFILES['istio-1.31'], issuerKeys };
  return set.verdicts.flatMap((row, index) => {
    const request = parseRequest(set.requests[index]);
    if (!request.ok) throw new Error(`${row.id}: ${JSON.stringify(request.problems)}`);
    const answers = [decider.decide(request.value), decideNaively(world, request.value)];
    return answers
      .map((verdict) => toAnswer(request.value, verdict))
      .filter((answer) => !agrees(answer, row))
      .map((answer) => ({
        id: row.id,
        text: `${set.name} ${row.id}: recorded ${shown(row)}, decided ${JSON.stringify(answer)}`,
      }));
  });
}

const sets = recordedSets();

test('all 415 sets and 10,049 requests are there', () => {
  expect({ sets: sets.length, requests: sets.reduce((sum, set) => sum + set.requests.length, 0) }).toEqual({
    sets: 415,
    requests: 10_049,
  });
});

describe('both evaluators agree with istiod and Envoy', () => {
  test.for(sets)('$name', (set) => {
    const known = listed.filter((entry) => entry.set === set.name).map((entry) => entry.id);
    const differences = replay(set);
    expect(differences.filter(({ id }) => !known.includes(id)).map(({ text }) => text)).toEqual([]);
    const stale = known.filter((id) => !differences.some((difference) => difference.id === id));
    expect(stale, 'rows of differences.json that agree again').toEqual([]);
  });
});

test('every listed difference names a set that exists and a reason', () => {
  const names = new Set(sets.map((set) => set.name));
  expect(listed.filter((entry) => !names.has(entry.set) || entry.reason === '')).toEqual([]);
});
