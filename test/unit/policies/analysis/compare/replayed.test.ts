/** Counterexamples as anybody would decide them again: from their JSON, with the mesh as it was given. */
import { describe, expect, test } from 'vitest';
import type { Obligation } from '#policies/analysis/compare/obligation.ts';
import { verifyBaseline } from '#policies/analysis/compare/verify-baseline.ts';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { changedMesh, edit, obligationOf, ownIntent } from '../../../../support/changed-platform.ts';
import { meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const profile = PROFILES['istio-1.31'];

function replayed(mesh: Mesh, { counterexamples }: Obligation) {
  return counterexamples.map(({ request, decided }) => {
    const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const decider = compile(mesh, profile);
    expect(decider.check(parsed.value)).toEqual([]);
    return { request: parsed.value, decided, ...decider.forWorkload(parsed.value.destination).decide(parsed.value) };
  });
}

describe('counterexamples', () => {
  test('to a pod that nobody declared bring it along', () => {
    const open = changedMesh('AuthorizationPolicy', '*', ({ spec }) =>
      spec.selector === undefined && spec.targetRefs === undefined && spec.rules === undefined ? 'drop' : undefined,
    );
    const { counterexamples, status } = obligationOf(open, 'undeclared-workloads-closed', ownIntent());
    expect(status).toBe('refuted');
    for (const { request, decided } of counterexamples) {
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const decider = compile(open, profile);
      expect(decider.check(parsed.value)).toEqual([]);
      expect(decided.verdict).toBe('allow');
      const again = decider.decide(parsed.value);
      expect([true, 'network-policy']).toContain(again.allowed || again.layer);
    }
  });

  test('a foreign SAN that rules name is let in beside an accepted one', () => {
    const named = changedMesh(
      'AuthorizationPolicy',
      'trading/execution-callers',
      edit(({ spec }) => spec.rules[0].from[0].source.principals.push('other.example/*')),
    );
    const found = verifyBaseline(named, { profile }).obligations.find(({ name }) => name === 'trusted-identities-only');
    if (found === undefined) throw new Error('no such obligation');
    expect(found.status).toBe('refuted');
    for (const { request, allowed } of replayed(named, found)) {
      expect(allowed).toBe(true);
      const { caller } = request;
      if (caller.kind !== 'mtls') throw new Error('no certificate');
      expect(caller.identities).toHaveLength(2);
      const own = caller.identities.filter((identity) => identity.startsWith('spiffe://trading.local/'));
      expect(own).toHaveLength(1);
      const { decide } = compile(named, profile).forWorkload(request.destination);
      expect(decide({ ...request, caller: { kind: 'mtls', identities: own } }).allowed).toBe(false);
    }
  });

  test('a rule that names no trust domain is said to read foreign SANs too', () => {
    const named = changedMesh(
      'AuthorizationPolicy',
      'trading/execution-callers',
      edit(({ spec }) => {
        spec.rules[0].from[0].source = { namespaces: ['trading'] };
      }),
    );
    const found = verifyBaseline(named, { profile }).obligations.find(({ name }) => name === 'trusted-identities-only');
    expect(found).toMatchObject({ status: 'proved', notes: [expect.stringContaining('read every SAN')] });
  });

  test('that a NetworkPolicy keeps from the proxy say so', () => {
    const policy = { podSelector: {}, policyTypes: ['Ingress'] };
    const mesh = meshOf(
      workloadYaml('a', 'x'),
      securityYaml('AuthorizationPolicy', 'a', { rules: [{ from: [{ source: { ipBlocks: ['203.0.113.0/24'] } }] }] }),
      JSON.stringify({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'closed', namespace: 'a' },
        spec: policy,
      }),
    );
    const [plaintext] = verifyBaseline(mesh, { profile }).obligations;
    const found = plaintext?.counterexamples ?? [];
    expect(found.length).toBeGreaterThan(0);
    for (const { request, change, keptOutBy } of found) {
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      expect(compile(mesh, profile).decide(parsed.value).layer).toBe('network-policy');
      expect(change).toContain('NetworkPolicy stops it before the proxy');
      expect(keptOutBy).toMatchObject({ layer: 'network-policy', policy: 'a/closed' });
    }
  });
});
