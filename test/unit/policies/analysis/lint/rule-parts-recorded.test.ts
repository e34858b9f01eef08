import { describe, expect, test } from 'vitest';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import { rulePartsOf } from '#policies/analysis/lint/rule-parts.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { listedDifferences, recordedIssuerKeys, recordedSets } from '../../../../support/recorded.ts';

const profile = PROFILES['istio-1.31'];
const issuerKeys = recordedIssuerKeys();

function verdictsOf(mesh: Mesh, requests: readonly unknown[]): readonly string[] {
  const decider = compile(mesh, profile, { issuerKeys });
  return requests.map((json) => {
    const request = parseRequest(json);
    if (!request.ok) throw new Error(JSON.stringify(request.problems));
    return decider.decide(request.value).allowed ? 'allow' : 'deny';
  });
}

/** Some sets are made to be hard: every fifth is enough to see a wrong word about rules. */
const SHARE = 5;

/** Recorded certificates may show several identities, which no certificate of a workload does. */
const isOfOneIdentity = (json: unknown): boolean =>
  !Array.isArray((json as { readonly source?: { readonly principal?: unknown } }).source?.principal);

describe('rules that are told to have no part', () => {
  test('had none in what a real Envoy decided, and their going would have changed nothing', () => {
    let told = 0;
    const wrong: string[] = [];
    for (const set of recordedSets().filter((_, index) => index % SHARE === 0)) {
      const { documents } = readDocuments(set.name, set.manifests);
      const parsed = parseMesh(documents, { tolerate: ['webhook'] });
      if (!parsed.ok) continue;
      const mesh = parsed.value;
      const listed = listedDifferences(set.name);
      const rows = set.verdicts
        .map((verdict, index) => ({ verdict, request: set.requests[index] }))
        .filter(({ verdict, request }) => !listed.includes(verdict.id) && isOfOneIdentity(request));
      for (const { policy, rule, kind } of rulePartsOf(mesh, profile).idle) {
        told += 1;
        const authorizationPolicies = mesh.authorizationPolicies.map((each) =>
          each === policy ? { ...each, rules: each.rules.filter((other) => other !== rule) } : each,
        );
        const decided = verdictsOf(
          { ...mesh, authorizationPolicies },
          rows.map(({ request }) => request),
        );
        rows.forEach(({ verdict }, index) => {
          if (decided[index] !== verdict.verdict)
            wrong.push(`${set.name} ${verdict.id}: ${policy.name} rule ${rule.index} is told as ${kind}`);
        });
      }
    }
    expect(wrong).toEqual([]);
    expect(told).toBeGreaterThan(10);
  });
});
