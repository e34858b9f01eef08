import { describe, expect, test } from 'vitest';
import { isShownByTerms } from '#policies/analysis/compare/by-terms.ts';
import { declared } from '#policies/analysis/compare/declared.ts';
import type { Grant } from '#policies/analysis/compare/intent.ts';
import { RuleAudit } from '#policies/analysis/compare/rule-audit.ts';
import { PROFILES } from '#policies/analysis/index.ts';
import { ALWAYS, all, type Formula, holds, NEVER, not, some } from '#policies/analysis/symbolic/formula.ts';
import { decideAtProxy, type ProxyDecision } from '#policies/analysis/symbolic/proxy.ts';
import { NO_TOKENS } from '#policies/analysis/symbolic/token.ts';
import { Universe } from '#policies/analysis/symbolic/universe.ts';
import { pathDomain } from '#policies/analysis/symbolic/word-domain.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { Draw } from '../../../../support/draw.ts';
import { meshConfigYaml, meshOf, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const SEED = 20_261_127;
const MESHES = 4000;

interface Call {
  readonly caller: string;
  readonly method: string;
  readonly path: string;
}

const CALLERS = ['a', 'b', 'c'];
/** The last is no path that a policy ever sees. */
const PATHS = ['/s/One', '/s/Two', '/s/../Three'];

const callOf = (draw: Draw): Call => ({
  caller: draw.of(CALLERS),
  method: draw.chance(0.9) ? 'POST' : 'GET',
  path: draw.of(draw.chance(0.95) ? PATHS.slice(0, 2) : PATHS),
});

/** A rule for a call as generators write it, or with what they do not: another action, other ports, patterns, no method. */
function ruleOf(draw: Draw, { caller, method, path }: Call): object {
  const odd = draw.chance(0.06) ? draw.integer(6) : -1;
  const principals = odd === 0 ? ['*'] : [`td/ns/n/sa/${caller}`];
  const operation = {
    ...(odd === 1 ? {} : { methods: [method] }),
    paths: odd === 2 ? [`${path}*`] : draw.chance(0.1) ? PATHS.slice(0, 2) : [path],
    ...(draw.chance(0.7) ? { ports: [odd === 3 ? '81' : '80'] } : {}),
    ...(odd === 4 ? { notHosts: ['x'] } : {}),
  };
  return {
    from: [{ source: odd === 5 ? { principals, notPrincipals: ['td/ns/n/sa/c'] } : { principals } }],
    to: [{ operation }],
  };
}

function grantOf({ caller, method, path }: Call): Grant {
  return {
    caller: { kind: 'identity', identity: `spiffe://td/ns/n/sa/${caller}`, namespace: 'n', serviceAccount: caller },
    callee: { kind: 'workload', namespace: 'a', workload: 'x' },
    protocol: 'http',
    port: 80,
    http: { method, path },
    user: null,
    guard: 'everyLayer',
    owner: 'test',
    reason: 'test',
    expires: null,
    declaredAt: [],
  };
}

function portOf(draw: Draw): { readonly mesh: Mesh; readonly grants: readonly Grant[] } {
  const calls = draw.list(5, () => callOf(draw));
  const rules = calls.map((call) => ruleOf(draw, call));
  const deny = draw.chance(0.05) ? [{ action: 'DENY', rules: [ruleOf(draw, callOf(draw))] }] : [];
  const mode = draw.chance(0.8) ? 'STRICT' : draw.of(['PERMISSIVE', 'DISABLE']);
  const mesh = meshOf(
    meshConfigYaml({}),
    workloadYaml('a', 'x'),
    securityYaml('PeerAuthentication', 'istio-system', { mtls: { mode } }, 'default'),
    securityYaml('AuthorizationPolicy', 'a', { ...(rules.length > 0 ? { rules } : {}) }, 'allow'),
    ...deny.map((spec) => securityYaml('AuthorizationPolicy', 'a', spec, 'deny')),
  );
  const kept = draw.chance(0.15) ? calls.slice(1) : calls;
  return { mesh, grants: [...kept, ...(draw.chance(0.1) ? [callOf(draw)] : [])].map(grantOf) };
}

/** What diagrams say of the port: whether it is as declared, and every rule has its part. */
function byDiagrams(mesh: Mesh, grants: readonly Grant[]) {
  const [workload] = mesh.workloads;
  if (workload === undefined) throw new Error('no workload');
  const world = { mesh, profile: PROFILES['istio-1.31'], issuerKeys: new Map() };
  const decision = decideAtProxy({ world, workload, port: 80, ip: null });
  const meaning = declared(grants, decision.listener, decision.token);
  const formulas = [decision.allowed, decision.unhelped, meaning.atMost, meaning.atLeast];
  for (const { covers, arrives } of decision.rules) formulas.push(covers, arrives);
  const universe = (peers: 'single' | 'sets') =>
    new Universe(formulas, { config: mesh.config, headers: 'individual', peers, identities: [] });
  const [single, sets] = [universe('single'), universe('sets')];
  const { diagrams } = single;
  const isOpen = sets.diagrams.minus(sets.node(decision.unhelped), sets.node(meaning.atMost)) !== sets.diagrams.never;
  const isClosed = diagrams.minus(single.node(meaning.atLeast), single.node(decision.allowed)) !== diagrams.never;
  const audit = new RuleAudit();
  audit.add(single, decision);
  const idle = [...audit.idleRules()].length;
  const isShown = isShownByTerms(decision, meaning, pathDomain(mesh.config.pathNormalization, 'none'));
  return { isShown, isAsDeclared: !isOpen && !isClosed, idle };
}

const exact = (value: string) => ({ kind: 'exact', value }) as const;
const from = (value: string) => holds({ on: 'peer', pattern: { kind: 'principal', pattern: exact(value) } });
const method = (value: string) => holds({ on: 'method', pattern: exact(value) });
const path = (value: string) => holds({ on: 'path', pattern: exact(value) });
const http = holds({ on: 'bytes', is: 'http' });
const token = holds({ on: 'token', is: 'present' });
const handshake = holds({
  on: 'uri',
  pattern: { kind: 'principal', pattern: { kind: 'prefix', value: 'spiffe://td/' } },
});
const [a, b] = [from('spiffe://td/a'), from('spiffe://td/b')];
const post = method('POST');

/** Whether it is shown of rules that each is needed, where what they allow is declared. */
function areShownNeeded(rules: readonly Formula[], { arrives = ALWAYS, action = 'ALLOW' } = {}): boolean {
  const mesh = meshOf(workloadYaml('a', 'x'), securityYaml('AuthorizationPolicy', 'a', { action, rules: [{}] }));
  const [policy] = mesh.authorizationPolicies;
  const [rule] = policy?.rules ?? [];
  if (policy === undefined || rule === undefined) throw new Error('no rule');
  const allowed = all([arrives, some(rules)]);
  const decision: ProxyDecision = {
    allowed,
    unhelped: allowed,
    listener: { kind: 'sidecar', protocol: 'http', mode: 'STRICT' },
    token: NO_TOKENS,
    assumptions: [],
    rules: rules.map((covers) => ({ policy, rule, at: '', chain: 'http', otherwise: 'deny', covers, arrives })),
  };
  const meaning = { atMost: allowed, atLeast: allowed, each: () => [] };
  return isShownByTerms(decision, meaning, pathDomain('BASE', 'none'));
}

describe('rules', () => {
  const needed = [
    { title: 'of two callers', rules: [all([a, post]), all([b, post])] },
    {
      title: 'that share a call and have one of their own',
      rules: [all([a, some([path('/x'), path('/y')])]), all([a, some([path('/y'), path('/z')])])],
    },
    { title: 'of callers alone', rules: [a, b] },
    { title: 'behind a handshake', rules: [a, b], arrives: all([handshake, http]) },
    { title: 'behind one of two ways', rules: [a], arrives: some([all([http, token]), not(http)]) },
  ];
  test.for(needed)('$title are needed', ({ rules, arrives = ALWAYS }) => {
    expect(areShownNeeded(rules, { arrives })).toBe(true);
  });

  const notShown = [
    { title: 'twice the same', rules: [all([a, post]), all([a, post])] },
    { title: 'one within another', rules: [all([a, some([path('/x'), path('/y')])]), all([a, path('/y')])] },
    { title: 'one of any method', rules: [all([a, post, path('/x')]), all([a, path('/x')])] },
    { title: 'one of any path', rules: [all([a, post, path('/x')]), all([a, post])] },
    { title: 'of a path that is none', rules: [all([a, post, path('/x/../y')])] },
    { title: 'of nobody in particular', rules: [post] },
    { title: 'that match nothing', rules: [a, NEVER] },
    { title: 'under conditions of their own', rules: [all([a, token])] },
    { title: 'behind a handshake that refuses the caller', rules: [from('spiffe://elsewhere/a')], arrives: handshake },
    { title: 'behind a way for certain requests', rules: [a], arrives: path('/x') },
    { title: 'behind a way for tokens', rules: [a], arrives: token },
    { title: 'behind a way that nothing takes', rules: [a], arrives: all([http, not(http)]) },
    { title: 'behind no way', rules: [a], arrives: NEVER },
    { title: 'that deny', rules: [a], action: 'DENY' },
  ];
  test.for(notShown)('$title are left to diagrams', ({ rules, arrives = ALWAYS, action = 'ALLOW' }) => {
    expect(areShownNeeded(rules, { arrives, action })).toBe(false);
  });
});

describe('what words alone show of a port', () => {
  test(`is so by diagrams too, of certificates with any SANs, in ${MESHES} meshes from seed ${SEED}`, {
    timeout: 180_000,
  }, () => {
    const counts = { shown: 0, different: 0, idle: 0, leftToDiagrams: 0 };
    for (let seed = SEED; seed < SEED + MESHES; seed += 1) {
      const { mesh, grants } = portOf(new Draw(seed));
      const { isShown, isAsDeclared, idle } = byDiagrams(mesh, grants);
      if (isShown && !isAsDeclared) throw new Error(`seed ${seed}: shown, and not as declared`);
      if (isShown && idle > 0) throw new Error(`seed ${seed}: shown, and ${idle} rules without a part`);
      if (isShown) counts.shown += 1;
      else if (!isAsDeclared) counts.different += 1;
      else if (idle > 0) counts.idle += 1;
      else counts.leftToDiagrams += 1;
    }
    expect(counts.shown).toBeGreaterThan(MESHES / 5);
    expect(counts.different).toBeGreaterThan(MESHES / 10);
    expect(counts.idle).toBeGreaterThan(MESHES / 20);
    expect(counts.leftToDiagrams, 'few of the ports that hold are left to diagrams').toBeLessThan(counts.shown / 5);
  });
});
