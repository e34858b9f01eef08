import { describe, expect, test } from 'vitest';
import type { Obligation } from '#policies/analysis/compare/obligation.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { compile, PROFILES, type Profile, parseRequest } from '#policies/analysis/index.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { changedMesh, edit, type Manifest, obligationOf, ownIntent } from '../../../../support/changed-platform.ts';

const intent = ownIntent();
const profile = PROFILES['istio-1.31'];

const obligation = (mesh: Mesh, name: Obligation['name'], declared = intent) => obligationOf(mesh, name, declared);
const execution = ['AuthorizationPolicy', 'trading/execution-callers'] as const;
const gateway = ['RequestAuthentication', 'edge/gateway-users'] as const;
const SUBMIT = '/trading.execution.v1.ExecutionService/SubmitTrade';
const KEY = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' };

const tokenBreaks = [
  {
    title: 'no keys: the discovery document names them',
    change: ({ spec }: Manifest) => delete spec.jwtRules[0].jwks,
    says: 'takes the keys that its discovery document names',
  },
  {
    title: 'another key',
    change: ({ spec }: Manifest) => {
      spec.jwtRules[0].jwks = JSON.stringify({ keys: [KEY] });
    },
    says: 'a key that is not declared',
  },
  {
    title: 'one key more',
    change: ({ spec }: Manifest) => {
      const { keys } = JSON.parse(spec.jwtRules[0].jwks);
      spec.jwtRules[0].jwks = JSON.stringify({ keys: [...keys, KEY] });
    },
    says: 'a key that is not declared',
  },
  {
    title: 'claims in another header',
    change: ({ spec }: Manifest) => {
      spec.jwtRules[0].outputPayloadToHeader = 'x-user';
    },
    says: 'hands the claims on in the header `x-user`',
  },
  {
    title: 'tokens for anybody',
    change: ({ spec }: Manifest) => delete spec.jwtRules[0].audiences,
    says: 'accepts tokens for any audience, declared `trading`',
  },
  {
    title: 'one audience more',
    change: ({ spec }: Manifest) => spec.jwtRules[0].audiences.push('payroll'),
    says: 'accepts tokens for `payroll`, which no user',
  },
  {
    title: 'another audience',
    change: ({ spec }: Manifest) => {
      spec.jwtRules[0].audiences = ['payroll'];
    },
    says: 'accepts tokens for `trading`, which its users have',
  },
  {
    title: 'a token that the next call needs and does not get',
    change: ({ spec }: Manifest) => {
      spec.jwtRules[0].forwardOriginalToken = false;
    },
    says: 'takes the token away',
  },
];

describe('lists of callers', () => {
  test('of sixteen accounts are decided, as principals and as accounts of any trust domain', () => {
    const names = Array.from({ length: 16 }, (_, index) => `ns-${index % 4}/account-${index}`);
    const listed = (source: object) =>
      changedMesh(
        ...execution,
        edit(({ spec }) => spec.rules.push({ from: [{ source }] })),
      );
    for (const source of [
      { serviceAccounts: names },
      { principals: names.map((name) => `trading.local/ns/${name.replace('/', '/sa/')}`) },
    ]) {
      const found = obligation(listed(source), 'allowed-equals-declared');
      expect(found.status).toBe('refuted');
      expect(found.counterexamples.map(({ cell }) => cell).join()).toContain('account-');
    }
  });
});

describe('users and their tokens', () => {
  test.for(tokenBreaks)('$title: refuted', ({ change, says }) => {
    const found = obligation(changedMesh(...gateway, edit(change)), 'users-bring-tokens');
    expect(found.status).toBe('refuted');
    expect(found.notes.join('\n')).toContain(says);
  });

  test('a scope that no rule asks for: refuted with a token that lacks it', () => {
    const mesh = changedMesh(
      ...execution,
      edit(({ spec }) => {
        for (const rule of spec.rules) if (rule.when !== undefined) rule.when = [rule.when[0]];
      }),
    );
    const found = obligation(mesh, 'users-bring-tokens');
    expect(found.status).toBe('refuted');
    expect(found.counterexamples.every(({ grant }) => grant?.user !== null)).toBe(true);
    expect(found.counterexamples.map(({ differsIn }) => differsIn.join())).toContain('claim ["scope"]');
  });

  test('a workload that accepts its audiences in two rules: proved', () => {
    const mesh = changedMesh(
      ...gateway,
      edit(({ spec }) => spec.jwtRules.push({ ...spec.jwtRules[0] })),
    );
    expect(obligation(mesh, 'users-bring-tokens').status).toBe('proved');
  });

  test('tokens in further places, or keys that no intent names: conditional', () => {
    const more = changedMesh(
      ...gateway,
      edit(({ spec }) => spec.jwtRules[0].fromHeaders.push({ name: 'x-token' })),
    );
    expect(obligation(more, 'users-bring-tokens').assumptions.join()).toContain('x-token');
    const uri = changedMesh(
      ...gateway,
      edit(({ spec }) => {
        delete spec.jwtRules[0].jwks;
        spec.jwtRules[0].jwksUri = 'https://idp.example/keys';
      }),
    );
    const found = obligation(uri, 'users-bring-tokens', { ...intent, issuers: [] });
    expect(found.status).toBe('conditional');
    expect(found.assumptions.join()).toContain('https://idp.example/keys');
  });
});

const rule = (paths: readonly string[], principal = 'trading.local/ns/trading/sa/order') => ({
  from: [{ source: { principals: [principal] } }],
  to: [{ operation: { methods: ['POST'], ports: ['50053'], paths } }],
});

describe('rules without a part', () => {
  test('a rule that another contains is redundant', () => {
    const mesh = changedMesh(
      ...execution,
      edit(({ spec }) => spec.rules.push(rule([SUBMIT]))),
    );
    const found = obligation(mesh, 'no-idle-rule');
    expect(found.status).toBe('refuted');
    expect(found.notes.join()).toContain('is redundant');
    expect(obligation(mesh, 'allowed-equals-declared').status).toBe('proved');
  });

  test('a rule that several others contain together is redundant', () => {
    const mesh = changedMesh(
      ...execution,
      edit(({ spec }) =>
        spec.rules.push(rule([SUBMIT]), rule([SUBMIT, '/trading.execution.v1.ExecutionService/CancelTrade'])),
      ),
    );
    expect(
      obligation(mesh, 'no-idle-rule').notes.filter((note) => note.includes('is redundant')).length,
    ).toBeGreaterThan(1);
  });

  test('a DENY rule that stops nothing is overridden, one that stops all of an ALLOW rule shadows it', () => {
    const denying = (paths: readonly string[]) =>
      changedMesh(
        ...['AuthorizationPolicy', 'trading/default-deny'],
        edit(({ spec }) => {
          spec.action = 'DENY';
          spec.selector = { matchLabels: { 'app.kubernetes.io/name': 'execution' } };
          spec.rules = [rule(paths)];
        }),
      );
    expect(obligation(denying(['/nobody/Asks']), 'no-idle-rule').notes.join()).toContain('is overridden');
    expect(obligation(denying(['*']), 'no-idle-rule').notes.join()).toContain('is shadowed');
  });

  test.for([
    ['that nobody serves in HTTP', '15020'],
    ['0, which no connection goes to', '0'],
  ])('a rule about a port %s is vacuous', ([, port]) => {
    const mesh = changedMesh(
      ...['AuthorizationPolicy', 'istio-ingress/ingress-callers'],
      edit(({ spec }) => spec.rules.push({ to: [{ operation: { ports: [port] } }] })),
    );
    expect(obligation(mesh, 'no-vacuous-rule').notes.join()).toContain('matches no request');
  });
});

describe('profiles', () => {
  test('a rule with trust domains is another rule under istio-1.29, and a request shows it', () => {
    const mesh = changedMesh(
      ...execution,
      edit(({ spec }) => {
        for (const each of spec.rules) each.from[0].source.trustDomains = ['elsewhere'];
      }),
    );
    const found = obligation(mesh, 'same-under-every-profile');
    expect(found.status).toBe('refuted');
    const verdict = (request: unknown, under: Profile) => {
      const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      return compile(mesh, under).forWorkload(parsed.value.destination).decide(parsed.value).allowed;
    };
    for (const { request } of found.counterexamples)
      expect(verdict(request, profile)).not.toBe(verdict(request, PROFILES['istio-1.29']));
  });

  test('our own manifests are proved under switches that older patches have too', () => {
    const old: Profile = {
      name: 'older patches',
      trustDomainFields: 'unknown',
      repeatedHeaders: 'joined',
      dotSegmentParameters: 'kept',
    };
    const own = changedMesh(...execution, () => undefined);
    const open = verifyIntent(own, intent, { profile: old }).obligations.filter(({ status }) => status !== 'proved');
    expect(open).toEqual([]);
  });
});

const pod = (change: (spec: Manifest['spec']) => unknown) => edit(({ spec }) => change(spec.template.spec));
const confinementBreaks: readonly {
  readonly title: string;
  readonly object: readonly [kind: string, name: string];
  readonly change: (object: Manifest) => undefined;
  readonly says: string;
}[] = [
  {
    title: 'a token for the API server',
    object: ['Deployment', 'trading/order'],
    change: pod((spec) => delete spec.automountServiceAccountToken),
    says: 'the API token is mounted',
  },
  {
    title: 'an account with a token',
    object: ['ServiceAccount', 'trading/order'],
    change: (object) => {
      Object.assign(object, { automountServiceAccountToken: true });
      return undefined;
    },
    says: 'pods of the account `trading/order`',
  },
  {
    title: 'the processes of the node',
    object: ['Deployment', 'trading/order'],
    change: pod((spec) => {
      spec.hostPID = true;
    }),
    says: 'it sees the processes of its node',
  },
  {
    title: 'a container as root, whatever its pod says',
    object: ['Deployment', 'trading/order'],
    change: pod((spec) => {
      spec.containers[0].securityContext.runAsUser = 0;
    }),
    says: 'container `order` runs as a user of the image, or as root',
  },
  {
    title: 'a pod that says nothing for containers that join it',
    object: ['Deployment', 'trading/order'],
    change: pod((spec) => delete spec.securityContext.seccompProfile),
    says: 'the pod may make any system call',
  },
  {
    title: 'a capability added to none',
    object: ['Deployment', 'trading/order'],
    change: pod((spec) => {
      spec.containers[0].securityContext.capabilities.add = ['NET_ADMIN'];
    }),
    says: 'container `order` keeps capabilities',
  },
  {
    title: 'a root filesystem that is written',
    object: ['StatefulSet', 'data/postgres'],
    change: pod((spec) => delete spec.containers[0].securityContext.readOnlyRootFilesystem),
    says: 'container `postgres` may write its root filesystem',
  },
  {
    title: 'a namespace that takes any pod',
    object: ['Namespace', '*'],
    change: (object) => {
      const { labels } = object.metadata as unknown as { labels: Record<string, string> };
      labels['pod-security.kubernetes.io/enforce'] = 'baseline';
      return undefined;
    },
    says: 'namespace `trading`',
  },
];

describe('confined pods', () => {
  test.for(confinementBreaks)('$title: refuted', ({ object: [kind, name], change, says }) => {
    const found = obligation(changedMesh(kind, name, change), 'pods-confined');
    expect(found.status).toBe('refuted');
    expect(found.notes.join('\n')).toContain(says);
  });

  test('what a container leaves out its pod says: proved', () => {
    const mesh = changedMesh(
      'Deployment',
      'trading/order',
      pod(({ containers: [{ securityContext }] }) => {
        for (const field of ['runAsNonRoot', 'runAsUser', 'runAsGroup', 'seccompProfile', 'privileged'])
          delete securityContext[field];
      }),
    );
    expect(obligation(mesh, 'pods-confined').status).toBe('proved');
  });

  test('are not looked at where the intent does not confine any', () => {
    const { obligations } = verifyIntent(
      changedMesh(
        'Service',
        '*',
        edit(() => undefined),
      ),
      { ...intent, confined: [] },
      { profile },
    );
    expect(obligations.map(({ name }) => name)).not.toContain('pods-confined');
  });
});
