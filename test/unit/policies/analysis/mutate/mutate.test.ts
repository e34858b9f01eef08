import { describe, expect, test } from 'vitest';
import { drawMutants } from '#policies/analysis/mutate/mutate.ts';
import { OPERATORS } from '#policies/analysis/mutate/operators.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { applied, decider, documents, inputOf, mutated, parsedMesh } from './mutable-mesh.ts';

const allowsOriginally = decider(parsedMesh(documents));
const mutation = mutated();
const { trials, probes } = mutation;

/** The fates of the mutants whose operator and words are these. */
const fates = (code: string, what: RegExp) =>
  trials
    .filter(({ mutant }) => mutant.operator.code === code && what.test(mutant.what))
    .map(({ fate }) => (fate.kind === 'rejected' ? `rejected ${fate.code}` : fate.kind));

/** One row an operator: what it does on the small mesh, and what becomes of it. */
const ROWS: readonly (readonly [code: string, what: RegExp, fate: string])[] = [
  ['S1', /ALLOW became DENY/, 'different'],
  ['S2', /became AUDIT/, 'different'],
  ['S3', /policy was dropped/, 'different'],
  ['S4', /rule was dropped/, 'different'],
  ['S5', /stands twice/, 'equivalent'],
  ['S6', /all rules were dropped/, 'different'],
  ['S7', /\[\{\}\]/, 'different'],
  ['S8', /`from` of a rule was deleted/, 'different'],
  ['S9', /`to` of a rule was deleted/, 'different'],
  ['S10', /`when` of a rule was deleted/, 'different'],
  ['S11', /sources of a rule became one/, 'different'],
  ['S12', /`principals` became a source of its own/, 'different'],
  ['S13', /rules 0 and 1 became one/, 'different'],
  ['S14', /condition moved to rule 1/, 'different'],
  ['A1', /selector was dropped/, 'different'],
  ['A2', /asks for `x-typo`/, 'different'],
  ['A3', /moved to namespace `b`/, 'rejected document/duplicate'],
  ['A4', /moved to the root namespace/, 'equivalent'],
  ['A5', /targetRef/, 'different'],
  ['A6', /became `x-renamed`/, 'different'],
  ['A7', /default deny was dropped/, 'equivalent'],
  ['A8', /second policy of the same name/, 'rejected document/duplicate'],
  ['I1', /`td\/ns\/a\/sa\/y` became `td\/ns\/b\/sa\/z`/, 'different'],
  ['I2', /became `td\/ns\/a\/sa\/\*`/, 'different'],
  ['I3', /became `\*\/sa\/y`/, 'different'],
  ['I4', /became `\*`/, 'different'],
  ['I5', /became `other\.example`/, 'different'],
  // `cluster.local` is read as the own trust domain
  ['I5', /became `cluster\.local`/, 'equivalent'],
  ['I6', /became `namespaces`/, 'different'],
  ['I7', /became `serviceAccounts`/, 'different'],
  ['I8', /became `notPrincipals`/, 'different'],
  ['I9', /was added/, 'different'],
  ['I10', /`td\/ns\/a\/sa\/y` was dropped/, 'different'],
  ['I10', /`td\/ns\/b\/sa\/z` was dropped/, 'rejected webhook/empty-source'],
  ['I11', /became `td\/ns\/a\/sa\.y`/, 'different'],
  ['I12', /became `10\.0\.0\.0\/7`/, 'different'],
  ['I13', /`ipBlocks` became `remoteIpBlocks`/, 'different'],
  ['I14', /`requestPrincipals` was dropped/, 'different'],
  // the one issuer that is accepted is all issuers that are accepted
  ['I14', /`iss\/\*` became `\*`/, 'equivalent'],
  ['O1', /`\/s\.S\/Get` became `\/health`/, 'different'],
  ['O2', /became `\/s\.S\/\*`/, 'different'],
  ['O3', /became `\/hea\*`/, 'different'],
  ['O4', /became `\*\/Get`/, 'different'],
  ['O5', /`paths` was dropped/, 'different'],
  ['O6', /`methods` was dropped/, 'different'],
  ['O7', /methods became GET/, 'different'],
  ['O8', /port 80 became 8081/, 'different'],
  ['O9', /`ports` was dropped/, 'different'],
  ['O10', /reflection/, 'different'],
  ['O11', /`\/s\.S\/Get` became `\/s\.S\/get`/, 'different'],
  ['O12', /`\/s\.S\/Get` became `\/s\.S\/Get\/`/, 'different'],
  ['O13', /`\/s\.S\/Get` became `s\.S\/Get`/, 'different'],
  ['O14', /became `\/s\.S\/\{\*\*\}\/part`/, 'different'],
  // hosts are compared in lower case
  ['O15', /became `X\.A`/, 'equivalent'],
  ['O15', /became `x\.a:8080`/, 'different'],
  ['O16', /`paths` became `notPaths`/, 'different'],
  ['C1', /scope.* was dropped/, 'different'],
  ['C2', /`values` became `notValues`/, 'different'],
  ['C3', /became `request\.auth\.claims\[scopes\]`/, 'different'],
  ['C4', /became `request\.headers\[tiers\]`/, 'different'],
  ['C5', /became `requests\.auth/, 'rejected webhook/unknown-key'],
  ['C6', /became `read\*`/, 'different'],
  ['P1', /PERMISSIVE/, 'different'],
  ['P2', /DISABLE/, 'different'],
  ['P5', /after the first/, 'equivalent'],
  ['P6', /RequestAuthentication was dropped/, 'different'],
  ['P7', /issuer became/, 'different'],
  ['P7k', /`jwksUri` was dropped/, 'hidden'],
  ['P8', /TLS mode DISABLE/, 'different'],
  ['P9', /port 80 is excluded/, 'different'],
  ['P10', /no sidecar is injected/, 'different'],
  ['P11', /alias/, 'different'],
  ['P12', /named tcp/, 'different'],
  ['P13', /`a\/x\.a\.svc\.cluster\.local` was dropped/, 'different'],
  ['P14', /does not capture it any more/, 'different'],
  ['P15', /around the waypoint/, 'different'],
  ['P15', /waypoint was dropped/, 'different'],
  ['K1', /runs as `x`/, 'different'],
  ['K2', /`podSelector` selects everything/, 'hidden'],
  ['K3', /port 80 became 81/, 'different'],
  ['K4', /API token is mounted/, 'hidden'],
  ['K5', /processes of its node/, 'hidden'],
  ['K5', /enforce` became privileged/, 'hidden'],
];

describe('operators', () => {
  test('are those of the reference, and four of our own', () => {
    const counts = { S: 14, A: 8, I: 14, O: 16, C: 6, P: 12, K: 5 };
    const reference = Object.entries(counts).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
    );
    expect(OPERATORS.map(({ code }) => code).toSorted()).toEqual([...reference, 'P7k', 'P13', 'P14', 'P15'].toSorted());
  });

  test('each makes mutants of the small mesh', () => {
    const used = new Set(trials.map(({ mutant }) => mutant.operator.code));
    expect(OPERATORS.map(({ code }) => code).filter((code) => !used.has(code))).toEqual([]);
  });

  test('mutants have names of their own, and a line', () => {
    const names = trials.map(({ mutant }) => mutant.id);
    expect(new Set(names).size).toBe(names.length);
    for (const { mutant } of trials) expect(mutant.at.line, mutant.id).toBeGreaterThan(0);
  });

  test.for(ROWS)('%s: %s is %s', ([code, what, fate]) => {
    expect(fates(code, what)).toContain(fate);
  });
});

describe('layers that change behind others', () => {
  const hidden = (code: string, what: RegExp) =>
    trials
      .filter(({ mutant }) => mutant.operator.code === code && what.test(mutant.what))
      .map(({ fate }) => (fate.kind === 'hidden' ? fate.layers : fate.kind));

  test.for([
    ['P3', /port 80 PERMISSIVE/, ['peer-authentication']],
    ['P13', /`a\/x\.a\.svc\.cluster\.local` became `a\/\*`/, ['egress']],
    // no pod of the manifests has another label, but any pod may
    ['K3', /`podSelector` selects everything/, ['network-policy']],
    ['K1', /runs as `y`/, ['identity']],
    ['K4', /API token is mounted/, ['confinement']],
    ['P7k', /the payload goes nowhere/, ['token-handling']],
  ] as const)('%s: %s', ([code, what, layers]) => {
    expect(hidden(code, what)).toContainEqual(layers);
  });
});

describe('verdicts on mutants', () => {
  /** Every request of a small closed world. */
  const requests = [...closedWorld()];

  test('agree with brute force: no request of a closed world tells an equivalent or hidden mutant from the original', () => {
    const verdicts = requests.map(allowsOriginally);
    expect(verdicts.filter((verdict) => verdict).length).toBeGreaterThan(5);
    let seen = 0;
    for (const { mutant, fate } of trials) {
      const mesh = parseMesh(applied(mutant));
      if (fate.kind === 'rejected') {
        expect(mesh.ok, `${mutant.id} ${mutant.what}`).toBe(false);
        continue;
      }
      if (!mesh.ok) throw new Error(`${mutant.id}: ${JSON.stringify(mesh.problems)}`);
      const allows = decider(mesh.value);
      const differing = requests.filter((request, index) => allows(request) !== verdicts[index]);
      if (differing.length === 0) continue;
      seen += 1;
      expect(fate.kind, `${mutant.id} ${mutant.what}: ${JSON.stringify(differing[0])}`).toBe('different');
    }
    expect(seen).toBeGreaterThan(50);
  });

  test('of survivors come with a request that separates them', () => {
    const witnessed = trials.filter(({ witness }) => witness !== null);
    expect(witnessed.length).toBeGreaterThan(20);
    for (const { mutant, witness } of witnessed) {
      const allows = decider(parsedMesh(applied(mutant)));
      expect(allowsOriginally(witness?.request), mutant.id).toBe(witness?.original.verdict === 'allow');
      expect(allows(witness?.request), mutant.id).toBe(witness?.mutant.verdict === 'allow');
      expect(witness?.original.verdict).not.toBe(witness?.mutant.verdict);
    }
  });
});

describe('the probe set', () => {
  test('kills what it says it kills, and every mutant that any request shows', () => {
    const killed = trials.filter(({ probe }) => probe !== null);
    expect(killed.length).toBeGreaterThan(100);
    for (const { mutant, probe } of killed) {
      const found = probes[(probe ?? 0) - 1];
      const allows = decider(parsedMesh(applied(mutant)));
      expect(allows(found?.request), mutant.id).toBe(found?.expected !== 'allow');
    }
    expect(trials.filter(({ fate, probe }) => fate.kind === 'different' && probe === null)).toEqual([]);
  });

  test('asks for pods that nobody declared only where nothing else kills, and describes them', () => {
    const isStranger = ({ request }: (typeof probes)[number]) => JSON.stringify(request).includes('"undeclared"');
    const first = probes.findIndex(isStranger);
    expect(first).toBeGreaterThan(0);
    for (const probe of probes.slice(first).filter(isStranger))
      expect(probe.request['pods']).toEqual([
        expect.objectContaining({ name: 'undeclared', sidecar: 'asNamespaceSays' }),
      ]);
    expect(probes.slice(0, first).filter(({ request }) => request['pods'] !== undefined)).toEqual([]);
  });

  test('holds on the original, and no probe is needless', () => {
    for (const { request, expected, kills } of probes) {
      expect(allowsOriginally(request)).toBe(expected === 'allow');
      expect(kills).toBeGreaterThan(0);
    }
    expect(probes.length).toBeLessThan(trials.length / 4);
  });
});

describe('samples', () => {
  test('are drawn from the seed: the same one gives the same mutants and pairs, another one others', () => {
    const drawn = (seed: number) => drawMutants({ ...inputOf(), limit: 30, pairs: 10, seed }).map(({ id }) => id);
    expect(drawn(7)).toEqual(drawn(7));
    expect(drawn(7)).not.toEqual(drawn(8));
    expect(drawn(7).filter((id) => id.includes('+'))).toHaveLength(10);
  });

  test('of pairs are judged as mutants are', () => {
    const { trials: drawn } = mutated({ limit: 0, pairs: 25, seed: 3 });
    for (const { mutant, fate, witness } of drawn) {
      if (fate.kind !== 'different' || witness === null) continue;
      const allows = decider(parsedMesh(applied(mutant)));
      expect(allows(witness.request), mutant.id).toBe(witness.mutant.verdict === 'allow');
    }
    expect(drawn.map(({ fate }) => fate.kind)).toContain('different');
  });
});

function* closedWorld(): Iterable<object> {
  const identity = (namespace: string, account: string) => `spiffe://td/ns/${namespace}/sa/${account}`;
  const callers = [
    { principal: null },
    ...[identity('a', 'y'), identity('b', 'z'), identity('a', 'other'), 'spiffe://other.example/ns/a/sa/y'].map(
      (principal) => ({ principal }),
    ),
    ...[
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'z'],
    ].map(([namespace, name]) => ({ workload: { namespace, name } })),
    { principal: identity('a', 'other'), ip: '10.1.2.3' },
    { principal: identity('a', 'other'), ip: '11.1.2.3' },
  ];
  const token = (claims: object) => ({ claims: { iss: 'iss', sub: 'u', aud: 'aud', ...claims } });
  const tokens = [null, token({ scope: 'read' }), { ...token({}), invalid: 'expired' }];
  for (const source of callers)
    for (const [namespace, workload] of [
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'z'],
    ])
      for (const port of [80, 70])
        for (const [method, path] of [
          ['POST', '/s.S/Get'],
          ['GET', '/health'],
          ['GET', '/z'],
        ])
          for (const jwt of tokens)
            yield {
              id: 'closed',
              source,
              destination: { namespace, workload, port },
              http: { method, path, host: 'x.a', headers: { tier: ['gold'] } },
              jwt,
            };
}
