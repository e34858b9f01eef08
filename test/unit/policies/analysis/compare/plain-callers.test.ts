import { describe, expect, test } from 'vitest';
import { Callers } from '#policies/analysis/compare/callers.ts';
import { portsOf } from '#policies/analysis/compare/destinations.ts';
import { tryPlainCallers } from '#policies/analysis/compare/plain-callers.ts';
import { Preparation, type PreparedMesh } from '#policies/analysis/compare/prepared.ts';
import { sideOf } from '#policies/analysis/compare/sides.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import type { Mesh, Workload } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { Draw } from '../../../../support/draw.ts';
import { randomAmbientDocuments } from '../../../../support/random-ambient.ts';
import { randomDocuments } from '../../../../support/random-mesh.ts';
import { meshConfigYaml, meshOf, networkingYaml, securityYaml, workloadYaml } from '../../../../support/small-mesh.ts';

const SEED = Number(process.env['SEED'] ?? 9);

const WORKLOADS = [
  ['a', 'x'],
  ['a', 'y'],
  ['b', 'x'],
  ['b', 'z'],
] as const;

/** Nearly always plain, now and then something that is not. */
function rule(draw: Draw): object {
  const odd = draw.chance(0.08);
  const source = {
    principals: draw.some(
      ['td/ns/a/sa/x', 'td/ns/a/sa/y', 'td/ns/b/sa/z', 'old/ns/b/sa/x', 'else/ns/c/sa/c', ...(odd ? ['td/*'] : [])],
      3,
    ),
    ...draw.maybe(0.04, 'notPrincipals', () => ['td/ns/a/sa/x']),
    ...draw.maybe(0.04, 'namespaces', () => ['a']),
  };
  const operation = () => ({
    methods: draw.chance(0.4) ? ['PUT'] : draw.some(['GET', 'POST', ...(odd ? ['P*'] : [])], 2),
    ...draw.maybe(0.6, 'paths', () => draw.some(['/s/A', '/s/B', ...(odd ? ['/s/*', '/a//b', 'x'] : [])], 2)),
    ...draw.maybe(0.5, 'ports', () => draw.some(['80', '70', '99'], 2)),
    ...draw.maybe(0.04, 'hosts', () => ['x.a']),
  });
  return {
    ...(draw.chance(0.03) ? {} : { from: [{ source }, ...draw.list(1, () => ({ source }))] }),
    ...draw.maybe(0.8, 'to', () => [{ operation: operation() }, ...draw.list(1, () => ({ operation: operation() }))]),
    ...draw.maybe(0.1, 'when', () => [{ key: 'destination.port', values: draw.some(['80', '70'], 1) }]),
    ...draw.maybe(0.05, 'when', () => [{ key: 'request.headers[h]', values: ['1'] }]),
  };
}

function plainMesh(draw: Draw): Mesh {
  const policies = Array.from({ length: 6 }, (_, index) =>
    securityYaml(
      'AuthorizationPolicy',
      draw.of(['a', 'a', 'b', 'b', 'istio-system']),
      {
        ...draw.maybe(0.7, 'selector', () => ({ matchLabels: { app: draw.of(['x', 'y', 'z']) } })),
        ...draw.maybe(0.06, 'action', () => draw.of(['DENY', 'AUDIT', 'ALLOW'])),
        rules: [rule(draw), ...draw.list(2, () => rule(draw))],
      },
      `p${index}`,
    ),
  );
  const network = {
    podSelector: draw.of([{}, { matchLabels: { app: 'x' } }]),
    ...draw.of<object>([
      { ingress: [{ from: [{ podSelector: { matchLabels: { app: 'y' } } }], ports: [{ port: 80 }] }] },
      { policyTypes: ['Egress'], egress: [] },
      { ingress: [{}] },
    ]),
  };
  return meshOf(
    meshConfigYaml({ trustDomainAliases: draw.chance(0.3) ? ['old'] : [] }),
    ...WORKLOADS.map(([namespace, name]) => workloadYaml(namespace, name, draw.chance(0.9) ? 'true' : 'false')),
    securityYaml('PeerAuthentication', 'istio-system', {
      mtls: { mode: draw.of(['STRICT', 'STRICT', 'PERMISSIVE', 'DISABLE']) },
    }),
    ...policies,
    ...(draw.chance(0.4) ? [networkingYaml('NetworkPolicy', draw.of(['a', 'b']), network)] : []),
  );
}

/** Who may call it by the diagrams; `outside` where somebody without a workload may whose identity nobody wrote down. */
function byDiagrams(version: PreparedMesh, workload: Workload): readonly string[] | 'outside' {
  const name = `${workload.namespace}/${workload.name}`;
  const ports = portsOf(version.index.around(workload), workload, []);
  const found = new Set<string>();
  for (const port of [...ports.named, ports.other])
    for (const side of sideOf(version, name, port))
      for (const { source } of new Callers([side], { port, profile: version.profile, callers: 'compromised' }).list()) {
        if (source.kind === 'plaintext' || source.kind === 'pattern') return 'outside';
        if (source.kind === 'workload') found.add(`${source.namespace}/${source.workload}`);
      }
  return [...found].toSorted();
}

/** Compares every workload of a mesh; returns how many were plain. */
function compare(mesh: Mesh, round: string): number {
  const version = new Preparation(DEFAULT_PROFILE).of(mesh);
  const { index, identities, profile } = version;
  const nameOf = ({ namespace, name }: Workload) => `${namespace}/${name}`;
  const plain = mesh.workloads.flatMap((workload) => {
    const [around, meshFrom] = [index.around(workload), index.waysTo(workload)];
    const callers = tryPlainCallers({ workload, mesh: around, meshFrom, identities, nameOf, profile });
    return callers === undefined ? [] : [{ workload, callers }];
  });
  for (const { workload, callers } of plain)
    expect(callers, `${round}, ${workload.namespace}/${workload.name}`).toEqual(byDiagrams(version, workload));
  return plain.length;
}

describe('plain callers', () => {
  test(`are those that the diagrams say, and nobody comes from outside (seed ${SEED})`, { timeout: 600_000 }, () => {
    const draw = new Draw(SEED);
    let plain = 0;
    for (let round = 0; round < 250; round += 1) plain += compare(plainMesh(draw), `round ${round}`);
    expect(plain).toBeGreaterThan(100);
  });

  test.for([
    ['a mesh of sidecars', randomDocuments],
    ['an ambient mesh', randomAmbientDocuments],
  ] as const)(`are the same where rules are of any kind, in %s`, { timeout: 600_000 }, ([, documents]) => {
    const draw = new Draw(SEED);
    let plain = 0;
    for (let round = 0; round < 300; round += 1) {
      const mesh = parseMesh(documents(draw), { tolerate: ['webhook', 'cel', 'schema'] });
      if (mesh.ok) plain += compare(mesh.value, `seed ${SEED}, round ${round}`);
    }
    expect(plain).toBeGreaterThan(5);
  });
});
