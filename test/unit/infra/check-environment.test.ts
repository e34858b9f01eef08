import { describe, expect, test } from 'vitest';
import { environmentProblems } from '#infra/check-environment.ts';
import { type Environment, environments, type SpireInstallation } from '#infra/environments/index.ts';
import { kind } from '#infra/environments/kind.ts';

const spire = (installation: SpireInstallation, leafLifetime = '1h'): Partial<Environment> => ({
  identity: { kind: 'spire', installation, leafLifetime },
});
const existing = { kind: 'existing', className: 'spire-spire', socketFile: 'spire-agent.sock' } as const;
const partner = {
  trustDomain: 'partner.local',
  bundleEndpoint: 'https://spire.partner.example:8443',
  callerRanges: [],
  admits: [],
};

describe('the values of an environment', () => {
  test.for(environments)('are accepted for $name', (environment) => {
    expect(environmentProblems(environment)).toEqual([]);
  });

  const refused: readonly { readonly title: string; readonly change: Partial<Environment>; readonly code: string }[] = [
    {
      title: "Istio's own socket, under which a missing agent is silent",
      change: spire({ ...existing, socketFile: 'socket' }),
      code: 'identity/socket',
    },
    {
      title: 'a path as the name of the socket, which the proxy refuses at its start',
      change: spire({ ...existing, socketFile: 'run/agent.sock' }),
      code: 'identity/socket',
    },
    {
      title: 'no class, with which every registration is silently ignored',
      change: spire({ ...existing, className: '' }),
      code: 'identity/class',
    },
    { title: 'a lifetime without a unit', change: spire(existing, '60'), code: 'identity/lifetime' },
    { title: 'a trust domain in capitals', change: { trustDomain: 'Trading.local' }, code: 'trust/name' },
    {
      title: 'federation with itself',
      change: { ...spire(existing), federation: [{ ...partner, trustDomain: 'trading.local' }] },
      code: 'trust/twice',
    },
    {
      title: 'federation under istiod, which exchanges no roots',
      change: { federation: [partner] },
      code: 'trust/no-exchange',
    },
  ];
  test.for(refused)('are refused with $title', ({ change, code }) => {
    expect(environmentProblems({ ...kind, ...change }).map((problem) => problem.code)).toContain(code);
  });
});
