import { describe, expect, test } from 'vitest';
import type { Obligation } from '#policies/analysis/compare/obligation.ts';
import { compile, PROFILES, parseRequest } from '#policies/analysis/index.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { changedMesh, edit, obligationOf, ownIntent } from '../../../../support/changed-platform.ts';

const intent = ownIntent();
const profile = PROFILES['istio-1.31'];

const obligation = (mesh: Mesh, name: Obligation['name']) => obligationOf(mesh, name, intent);
const execution = ['AuthorizationPolicy', 'trading/execution-callers'] as const;

// biome-ignore lint/suspicious/noExplicitAny: breaks reach into every field of a source
type From = { source: any };

describe('universes', () => {
  test('a proof that only the handshake makes true names the PeerAuthentication', () => {
    const lean = changedMesh(
      ...execution,
      edit(({ spec }) => {
        for (const each of spec.rules) each.from.push({ source: { notPrincipals: ['*'] } });
      }),
    );
    expect(obligation(lean, 'allowed-equals-declared')).toMatchObject({
      status: 'proved',
      leansOn: ['trading/default'],
    });
    const own = changedMesh(...execution, () => undefined);
    expect(obligation(own, 'allowed-equals-declared').leansOn).toEqual([]);
    expect(obligation(own, 'mutual-tls-only').leansOn).toContain('trading/default');
  });

  const jointly = [
    {
      title: 'an identity of another trust domain beside one of the own',
      change: ({ source }: From) => source.principals.push('foreign.example/ns/trading/sa/order'),
      holds: 'spiffe://foreign.example/ns/trading/sa/order',
    },
    {
      title: 'an account of whatever trust domain beside an identity of the own',
      change: ({ source }: From) => {
        source.serviceAccounts = ['trading/order'];
        source.trustDomains = ['other.example'];
        delete source.principals;
      },
      holds: 'spiffe://other.example/',
    },
    {
      title: 'two fields of one source, each read from a SAN of its own',
      change: ({ source }: From) => {
        source.principals = ['trading.local/ns/trading/sa/risk'];
        source.trustDomains = ['other.example'];
      },
      holds: 'spiffe://trading.local/ns/trading/sa/risk',
    },
  ];
  test.for(jointly)('a hole that needs several SANs is shown with all of them: $title', ({ change, holds }) => {
    const mesh = changedMesh(
      ...execution,
      edit(({ spec }) => {
        const added = structuredClone(spec.rules[1]);
        change(added.from[0]);
        spec.rules.push(added);
      }),
    );
    const { status, counterexamples } = obligation(mesh, 'allowed-equals-declared');
    expect(status).toBe('refuted');
    for (const { request } of counterexamples) {
      const { principal } = request['source'] as { readonly principal: readonly string[] };
      expect(principal).toHaveLength(2);
      expect(principal.some((each) => each.startsWith(holds))).toBe(true);
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const { decide } = compile(mesh, profile).forWorkload(parsed.value.destination);
      expect(decide(parsed.value).allowed).toBe(true);
      for (const one of principal)
        expect(decide({ ...parsed.value, caller: { kind: 'mtls', identities: [one] } }).allowed).toBe(false);
    }
  });

  test('a declared caller with a second SAN is still the declared caller', () => {
    const paths = ['CancelTrade', 'StreamExecutionReports', 'SubmitTrade'].map(
      (method) => `/trading.execution.v1.ExecutionService/${method}`,
    );
    const widened = changedMesh(
      ...execution,
      edit(({ spec }) => spec.rules[1].from[0].source.principals.push('trading.local/ns/trading/sa/risk')),
    );
    const denying = changedMesh(
      ...execution,
      edit(({ spec }) => {
        spec.action = 'DENY';
        const source = { notPrincipals: ['trading.local/ns/trading/sa/order'] };
        spec.rules = [{ from: [{ source }], to: [{ operation: { paths } }] }];
      }),
    );
    const deny = denying.authorizationPolicies.filter(({ action }) => action.kind === 'DENY');
    const both = { ...widened, authorizationPolicies: [...widened.authorizationPolicies, ...deny] };
    expect(obligation(widened, 'allowed-equals-declared').status).toBe('refuted');
    expect(obligation(both, 'allowed-equals-declared').status).toBe('proved');
  });
});
