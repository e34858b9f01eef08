import { describe, expect, test } from 'vitest';
import type { Obligation } from '#policies/analysis/compare/obligation.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { compile, parseRequest } from '#policies/analysis/index.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { changedMesh, type Manifest, ownIntent } from '../../../../support/changed-platform.ts';

const intent = ownIntent();

function obligation(mesh: Mesh, name: Obligation['name']): Obligation {
  const found = verifyIntent(mesh, intent, { profile: DEFAULT_PROFILE }).obligations.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no obligation ${name}`);
  return found;
}

const said = ({ counterexamples, notes }: Obligation): string =>
  [...counterexamples.map(({ cell, change }) => `${cell}: ${change}`), ...notes].join('\n');

interface Break {
  readonly title: string;
  readonly object: readonly [kind: string, name: string];
  readonly change: (object: Manifest) => undefined | 'drop';
  readonly says: string;
}

const edit = (change: (object: Manifest) => void) => (object: Manifest) => {
  change(object);
  return undefined;
};
const drop = () => 'drop' as const;
const order = ['NetworkPolicy', 'trading/order'] as const;
const istiod = ['NetworkPolicy', 'istio-system/istiod'] as const;

/** The label values of pods that somebody else installs. */
const PODS_BESIDE: readonly unknown[] = ['prometheus', 'istiod', 'kube-dns'];

const networkBreaks: readonly Break[] = [
  { title: 'the policy of a workload dropped', object: order, change: drop, says: 'order' },
  {
    title: 'the default deny of a namespace dropped',
    object: ['NetworkPolicy', 'trading/default-deny'],
    change: drop,
    says: 'no NetworkPolicy isolates `trading/undeclared` for ingress',
  },
  {
    title: 'egress no longer isolated',
    object: ['NetworkPolicy', 'trading/default-deny'],
    change: edit(({ spec }) => {
      spec.policyTypes = ['Ingress'];
    }),
    says: 'no NetworkPolicy isolates `trading/undeclared` for egress',
  },
  {
    title: 'a rule for a port by its name, which any pod may give to any port',
    object: order,
    change: edit(({ spec }) => {
      spec.egress.push({ ports: [{ port: 'web' }] });
    }),
    says: 'order -> a pod of elsewhere TCP on whatever port it calls `web` is not declared',
  },
  {
    title: 'the peers of a rule dropped',
    object: order,
    change: edit(({ spec }) => {
      delete spec.ingress[0].from;
    }),
    says: 'a pod of elsewhere -> order tcp 50051',
  },
  {
    title: 'the ports of a rule dropped',
    object: order,
    change: edit(({ spec }) => {
      delete spec.ingress[0].ports;
    }),
    says: 'gateway -> order tcp 1',
  },
  {
    title: 'a port range',
    object: order,
    change: edit(({ spec }) => {
      spec.ingress[0].ports[0].endPort = 50060;
    }),
    says: 'gateway -> order tcp 50052',
  },
  {
    title: 'the same pods of any namespace',
    object: order,
    change: edit(({ spec }) => {
      spec.ingress[0].from[0].namespaceSelector = {};
    }),
    says: 'a pod of elsewhere with app.kubernetes.io/name=gateway -> order tcp 50051',
  },
  {
    title: 'any pod of the namespace',
    object: order,
    change: edit(({ spec }) => {
      delete spec.ingress[0].from[0].podSelector;
    }),
    says: '-> order tcp 50051',
  },
  {
    title: 'pods that only lack a label',
    object: order,
    change: edit(({ spec }) => {
      const expression = { key: 'app.kubernetes.io/name', operator: 'NotIn', values: ['risk'] };
      spec.ingress[0].from[0].podSelector = { matchExpressions: [expression] };
    }),
    says: '-> order tcp 50051',
  },
  {
    title: 'an address block',
    object: order,
    change: edit(({ spec }) => {
      spec.ingress[0].from.push({ ipBlock: { cidr: '10.1.0.0/16', except: ['10.1.0.0/17'] } });
    }),
    says: '10.1.128.0 -> order tcp 50051',
  },
  {
    title: 'a rule for every connection out',
    object: order,
    change: edit(({ spec }) => {
      spec.egress.push({});
    }),
    says: 'order -> a pod of elsewhere tcp 1',
  },
  {
    title: 'a second port towards pods that the manifests do not hold',
    object: order,
    change: edit(({ spec }) => {
      const rule = spec.egress.find((each: Manifest['spec']) => each.ports[0].port === 15012);
      rule.ports.push({ port: 15010 });
    }),
    says: 'order -> a pod of istio-system with app=istiod tcp 15010',
  },
  {
    title: 'UDP beside TCP',
    object: order,
    change: edit(({ spec }) => {
      spec.egress[0].ports.push({ port: 5353, protocol: 'UDP' });
    }),
    says: 'UDP 5353 is not declared',
  },
  {
    title: 'names that no longer resolve',
    object: order,
    change: edit(({ spec }) => {
      for (const rule of spec.egress)
        rule.ports = rule.ports.filter(({ protocol }: Manifest['spec']) => protocol !== 'UDP');
      spec.egress = spec.egress.filter(({ ports }: Manifest['spec']) => ports.length > 0);
    }),
    says: 'order -> coredns udp 53 is declared',
  },
  {
    title: 'metrics that nobody may scrape',
    object: order,
    change: edit(({ spec }) => {
      spec.ingress = spec.ingress.filter(({ ports }: Manifest['spec']) => ports[0].port !== 15020);
    }),
    says: 'prometheus -> order tcp 15020 is declared',
  },
  ...['app.kubernetes.io/name', 'app', 'k8s-app'].map((label) => ({
    title: `the label \`${label}\` of pods beside the manifests misspelt`,
    object: order,
    change: edit(({ spec }) => {
      for (const rule of [...spec.ingress, ...spec.egress])
        for (const { podSelector } of rule.from ?? rule.to) {
          const { matchLabels } = podSelector;
          if (PODS_BESIDE.includes(matchLabels[label])) matchLabels[label] = 'nobody';
        }
    }),
    says: `with ${label}=nobody`,
  })),
  {
    title: 'the label of a scraper misspelt: what is declared no longer passes',
    object: order,
    change: edit(({ spec }) => {
      const rule = spec.ingress.find(({ ports }: Manifest['spec']) => ports[0].port === 15020);
      rule.from[0].podSelector.matchLabels['app.kubernetes.io/name'] = 'nobody';
    }),
    says: 'prometheus -> order tcp 15020 is declared, and no ingress rule of `order` admits it',
  },
  {
    title: 'a workload that may no longer reach the control plane, at the far end',
    object: istiod,
    change: edit(({ spec }) => {
      spec.ingress = spec.ingress.slice(1);
    }),
    says: 'is declared, and no ingress rule of `istiod` admits it',
  },
  {
    title: 'the policy of the control plane for other pods',
    object: istiod,
    change: edit(({ spec }) => {
      spec.podSelector.matchLabels.app = 'nobody';
    }),
    says: 'no NetworkPolicy isolates `istio-system/istiod`',
  },
  { title: 'the policy of the control plane dropped', object: istiod, change: drop, says: 'no NetworkPolicy isolates' },
  {
    title: 'a debug port of the control plane',
    object: istiod,
    change: edit(({ spec }) => {
      spec.ingress[0].ports.push({ port: 8080 });
    }),
    says: '-> istiod tcp 8080',
  },
  {
    title: 'addresses of one family only at the door',
    object: ['NetworkPolicy', 'istio-ingress/ingress'],
    change: edit(({ spec }) => {
      spec.ingress[0].from.pop();
    }),
    says: '0:0:0:0:0:0:0:0 -> ingress tcp 8443',
  },
];

const isUndeclared = ({ expected }: { readonly expected: string }) => expected.startsWith('deny by');

describe('NetworkPolicies against intent', () => {
  test.for(networkBreaks)('$title: refuted', ({ object: [kind, name], change, says }) => {
    const found = obligation(changedMesh(kind, name, change), 'network-equals-declared');
    expect(found.status).toBe('refuted');
    expect(said(found)).toContain(says);
  });

  test('every undeclared connection is a request that `decide` answers the same way', () => {
    const mesh = changedMesh(
      ...order,
      edit(({ spec }) => {
        delete spec.ingress[0].from;
        spec.egress.push({});
      }),
    );
    const decider = compile(mesh);
    const { counterexamples } = obligation(mesh, 'network-equals-declared');
    expect(counterexamples.length).toBeGreaterThan(3);
    for (const { request, decided } of counterexamples) {
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      expect(decider.check(parsed.value)).toEqual([]);
      expect(decider.decide(parsed.value).layer).toBe(decided.layer);
      expect(decided.layer).not.toBe('network-policy');
    }
  });

  test('every counterexample of every break differs from a declared connection in one thing or has nothing near', () => {
    const found = networkBreaks.flatMap(({ object: [kind, name], change }) =>
      obligation(changedMesh(kind, name, change), 'network-equals-declared').counterexamples.filter(isUndeclared),
    );
    expect(new Set(found.map(({ differsIn }) => differsIn.length))).toEqual(new Set([0, 1]));
    for (const { differsIn, grant, request, cell } of found) {
      const { port } = request['destination'] as { readonly port: number };
      expect(grant === null, cell).toBe(differsIn.length === 0);
      if (differsIn[0] === 'port') expect(grant?.port, cell).not.toBe(port);
      if (differsIn[0] === 'peer') expect(grant?.port, cell).toBe(port);
    }
  });

  test('are not looked at where there are none', () => {
    const found = verifyIntent(changedMesh('NetworkPolicy', '*', drop), intent, { profile: DEFAULT_PROFILE });
    expect(found.obligations.map(({ name }) => name)).not.toContain('network-equals-declared');
    expect(found.notChecked.join()).toContain('no NetworkPolicy');
  });
});

const sidecar = ['Sidecar', 'trading/order'] as const;
const egressBreaks: readonly Break[] = [
  {
    title: 'one more host',
    object: sidecar,
    change: edit(({ spec }) => {
      spec.egress[0].hosts.push('edge/gateway.edge.svc.cluster.local');
    }),
    says: 'order -> gateway tcp 8080: the Sidecar of `trading/order` knows',
  },
  {
    title: 'every host of a namespace',
    object: sidecar,
    change: edit(({ spec }) => {
      spec.egress[0].hosts.push('istio-system/*');
    }),
    says: 'knows every host of namespace `istio-system`',
  },
  {
    title: 'every host',
    object: sidecar,
    change: edit(({ spec }) => {
      spec.egress[0].hosts = ['*/*'];
    }),
    says: 'order -> gateway tcp 8080',
  },
  {
    title: 'unknown hosts pass',
    object: sidecar,
    change: edit(({ spec }) => {
      spec.outboundTrafficPolicy.mode = 'ALLOW_ANY';
    }),
    says: 'ALLOW_ANY',
  },
  {
    title: 'no egress section',
    object: sidecar,
    change: edit(({ spec }) => delete spec.egress),
    says: 'order -> gateway',
  },
  {
    title: 'the Sidecar of undeclared pods dropped',
    object: ['Sidecar', 'trading/default'],
    change: drop,
    says: '`trading/undeclared`',
  },
  {
    title: 'a host that nobody named',
    object: sidecar,
    change: edit(({ spec }) => {
      spec.egress[0].hosts.push('./pay.example');
    }),
    says: 'knows `pay.example` of namespace `trading`',
  },
  {
    title: 'a declared host that is gone',
    object: sidecar,
    change: edit(({ spec }) => {
      spec.egress[0].hosts = spec.egress[0].hosts.filter((host: string) => !host.startsWith('kube-system/'));
    }),
    says: 'order -> coredns tcp 53 is declared',
  },
];

describe('Sidecars against intent', () => {
  test.for(egressBreaks)('$title: refuted', ({ object: [kind, name], change, says }) => {
    const found = obligation(changedMesh(kind, name, change), 'egress-equals-declared');
    expect(found.status).toBe('refuted');
    expect(said(found)).toContain(says);
  });

  test('every counterexample of every break is confirmed, and near a declared call in one thing or in nothing', () => {
    const found = egressBreaks.flatMap(({ object: [kind, name], change }) => {
      const mesh = changedMesh(kind, name, change);
      const decider = compile(mesh);
      return obligation(mesh, 'egress-equals-declared').counterexamples.map((each) => ({ ...each, decider }));
    });
    expect(found.length).toBeGreaterThan(3);
    for (const { differsIn, request, decided, decider, cell } of found) {
      expect(differsIn.length, cell).toBeLessThan(2);
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      expect(decider.decide(parsed.value).layer, cell).toBe(decided.layer);
    }
  });
});
