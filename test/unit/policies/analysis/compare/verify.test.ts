import { describe, expect, test } from 'vitest';
import { type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import { type Verification, verifyIntent } from '#policies/analysis/compare/verify.ts';
import { compile, PROFILES, type ProfileName, parseRequest } from '#policies/analysis/index.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { documentsOf, synthesized } from '../../../../support/synthesized.ts';

const files = await synthesized('kind');
const submitTrade = '/trading.execution.v1.ExecutionService/SubmitTrade';

function intentOf(from: ReadonlyMap<string, string>): Intent {
  const intent = parseIntent(JSON.parse(from.get('intent.json') ?? 'null'), 'intent.json');
  if (!intent.ok) throw new Error(JSON.stringify(intent.problems));
  return intent.value;
}

function meshOf(changed: ReadonlyMap<string, string>) {
  const mesh = parseMesh(documentsOf(changed));
  if (!mesh.ok) throw new Error(JSON.stringify(mesh.problems));
  return mesh.value;
}

function verified(changed: ReadonlyMap<string, string>, profile: ProfileName = 'istio-1.31'): Verification {
  return verifyIntent(meshOf(changed), intentOf(changed), { profile: PROFILES[profile], on: '2026-11-23' });
}

const statuses = ({ obligations }: Verification) => obligations.map(({ name, status }) => `${name}: ${status}`);
const counterexamples = ({ obligations }: Verification) =>
  obligations.flatMap((obligation) => obligation.counterexamples);

/** The files with every text `from` of the files matching `path` replaced; throws when nothing was replaced. */
function edited(path: RegExp, from: string | RegExp, to: string): ReadonlyMap<string, string> {
  const changed = new Map([...files].map(([name, text]) => [name, path.test(name) ? text.replaceAll(from, to) : text]));
  if ([...changed].every(([name, text]) => text === files.get(name)))
    throw new Error('the seeded break changed nothing');
  return changed;
}

const withoutDefaultDeny = (path: RegExp) =>
  edited(path, /apiVersion: security.istio.io\/v1\nkind: AuthorizationPolicy\n(?:(?!---)[^\n]*\n)*?spec: \{\}\n/g, '');

const PROVED = [
  'allowed-equals-declared: proved',
  'undeclared-workloads-closed: proved',
  'mutual-tls-only: proved',
  'declared-calls-pass-every-layer: proved',
  'gateway-policies-equal-declared: proved',
  'network-equals-declared: proved',
  'egress-equals-declared: proved',
  'default-deny: proved',
  'users-bring-tokens: proved',
  'pods-confined: proved',
  'same-under-every-profile: proved',
  'no-vacuous-rule: proved',
  'no-idle-rule: proved',
  'no-grant-expired: proved',
];

describe('our own manifests', () => {
  test.for(['istio-1.29', 'istio-1.30', 'istio-1.31'] as const)(
    'of kind are proved equal to intent under %s',
    (profile) => {
      expect(statuses(verified(files, profile))).toEqual(PROVED);
    },
  );

  test('of production are proved equal to intent', async () => {
    expect(statuses(verified(await synthesized('production')))).toEqual(PROVED);
  });

  test('stay proved without the default deny of the root namespace, or that of a namespace', () => {
    expect(statuses(verified(withoutDefaultDeny(/istio-system\/20-/)))).toEqual(PROVED);
    expect(statuses(verified(withoutDefaultDeny(/trading\/20-/)))).toEqual(PROVED);
  });
});

describe('a part of a mesh', () => {
  test('is judged alone: a break elsewhere does not count', () => {
    const broken = edited(/trading\/30-/, 'trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/*');
    const verifiedPart = (only: (namespace: string, workload: string) => boolean) =>
      verifyIntent(meshOf(broken), intentOf(files), { profile: PROFILES['istio-1.31'], only });
    const named = (name: string) => (_: string, workload: string) => workload === name;
    expect(counterexamples(verifiedPart(named('jaeger')))).toEqual([]);
    expect(counterexamples(verifiedPart(named('execution')))).not.toEqual([]);
  });
});

const breaks = [
  {
    title: 'a widened principal',
    changed: () => edited(/trading\/30-/, 'trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/*'),
    cell: `risk -> execution POST ${submitTrade}`,
    expected: 'deny',
  },
  {
    title: 'a caller swapped for another',
    changed: () => edited(/trading\/30-/, 'trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/risk'),
    cell: `order -> execution POST ${submitTrade}`,
    expected: 'allow',
  },
  {
    title: 'both default denies dropped',
    changed: () => withoutDefaultDeny(/20-default-deny/),
    cell: 'undeclared',
    expected: 'deny',
  },
  {
    title: 'PERMISSIVE in a namespace',
    changed: () => edited(/trading\/20-/, 'mode: STRICT', 'mode: PERMISSIVE'),
    cell: `plaintext -> execution POST ${submitTrade}`,
    expected: 'deny by peer-authentication',
  },
  {
    title: 'a wrong path',
    changed: () =>
      edited(/trading\/30-/, `- ${submitTrade}`, '- /trading.execution.v1.ExecutionService/SetTradingHalt'),
    cell: `order -> execution POST ${submitTrade}`,
    expected: 'allow',
  },
  {
    title: 'a scope that no longer matters',
    changed: () =>
      edited(
        /trading\/30-/,
        /\n {8}- key: request\.auth\.claims\[scope\]\n {10}values:\n {12}- operations\.market/g,
        '',
      ),
    cell: 'gateway -> execution POST /trading.execution.v1.ExecutionService/SetTradingHalt',
    expected: 'deny',
  },
  {
    title: 'a NetworkPolicy that no longer admits the caller',
    changed: () => edited(/trading\/30-/, /port: 50053/g, 'port: 50059'),
    cell: `order -> execution POST ${submitTrade}`,
    expected: 'allow',
  },
];

describe('a seeded break', () => {
  test.for(breaks)('$title is refuted with a request that names the cell', ({ changed, cell, expected }) => {
    const found = counterexamples(verified(changed())).filter((each) => each.cell.includes(cell));
    expect(found.map((each) => each.expected)).toContain(expected);
  });

  test('widened principal: every counterexample is 1-minimal and confirmed by a fresh decision', () => {
    const changed = edited(/trading\/30-/, 'trading.local/ns/trading/sa/order', 'trading.local/ns/trading/sa/*');
    const decider = compile(meshOf(changed));
    const found = counterexamples(verified(changed));
    expect(found.filter(({ differsIn }) => differsIn.length !== 1).map(({ cell }) => cell)).toEqual([]);
    for (const { request, decided } of found) {
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      expect(parsed.ok && decider.decide(parsed.value).allowed).toBe(decided.verdict === 'allow');
    }
  });

  test('an expired grant names its owner', () => {
    const ended = new Map(files);
    ended.set(
      'intent.json',
      (files.get('intent.json') ?? '').replace(
        '"owner": "team-market"',
        '"owner": "team-market", "expires": "2026-01-31"',
      ),
    );
    const obligation = verified(ended).obligations.find(({ name }) => name === 'no-grant-expired');
    expect(obligation?.status).toBe('refuted');
    expect(obligation?.notes.join()).toContain('team-market');
  });
});
