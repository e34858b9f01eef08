import { describe, expect, test } from 'vitest';
import { asIntent } from '#policies/analysis/compare/as-intent.ts';
import { blastRadius, entries } from '#policies/analysis/compare/blast-radius.ts';
import { parseIntent } from '#policies/analysis/compare/intent.ts';
import { reach } from '#policies/analysis/compare/reach.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { verifyBaseline } from '#policies/analysis/compare/verify-baseline.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from '../../../../bench/fleet.ts';
import { documentsOf, synthesized } from '../../../../support/synthesized.ts';

const profile = { profile: DEFAULT_PROFILE };
const files = await synthesized('kind');

function meshOf(documents: Parameters<typeof parseMesh>[0]): Mesh {
  const mesh = parseMesh(documents);
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return mesh.value;
}

const ours = meshOf(documentsOf(files));

describe('reach', () => {
  test('lists the seed case: of all workloads only order may submit a trade', () => {
    const callers = reach(ours, profile).grants.filter(({ http }) => http?.path.endsWith('/SubmitTrade'));
    expect(callers.map(({ source }) => source.principal)).toEqual(['spiffe://trading.local/ns/trading/sa/order']);
  });

  test('says what a user must bring', () => {
    const [halt] = reach(ours, profile).grants.filter(({ http }) => http?.path.endsWith('/SetTradingHalt'));
    expect(halt?.conditions).toEqual([
      'an accepted token',
      'request.auth.claims[aud] trading',
      'request.auth.claims[scope] operations.market',
      'request.auth.claims[sub] *',
    ]);
  });

  test('follows the internet from the ingress gateway on', () => {
    const reached = blastRadius(reach(ours, profile), entries(ours)).map(({ workload }) => workload);
    expect(reached).toContain('execution');
    expect(reached[0]).toBe('ingress');
  });

  test('as an intent proves a fleet that it was read from', () => {
    const fleet = meshOf(readDocuments('fleet', newFleet(60, 3).yaml).documents);
    const { json, inexpressible } = asIntent(fleet, reach(fleet, profile));
    const intent = parseIntent(JSON.parse(JSON.stringify(json)), 'intent.json');
    expect(inexpressible).toEqual([]);
    const obligations = intent.ok ? verifyIntent(fleet, intent.value, profile).obligations : [];
    expect(new Set(obligations.map(({ status }) => status))).toEqual(new Set(['proved']));
  });
});

describe('verify without an intent', () => {
  test('proves what needs none', () => {
    const { obligations } = verifyBaseline(ours, profile);
    expect(obligations.map(({ name, status }) => `${name}: ${status}`)).toEqual([
      'no-plaintext: proved',
      'trusted-identities-only: proved',
      'default-deny: proved',
      'no-vacuous-rule: proved',
    ]);
  });

  test('refutes plaintext and a missing default deny', () => {
    const open = meshOf(
      documentsOf(
        new Map([...files].filter(([name]) => !name.includes('30-policies') && !name.includes('20-default-deny'))),
      ),
    );
    const { obligations } = verifyBaseline(open, profile);
    const refuted = obligations.filter(({ status }) => status === 'refuted').map(({ name }) => name);
    expect(refuted).toEqual(['no-plaintext', 'default-deny']);
  });
});
