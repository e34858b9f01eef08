import { describe, expect, test } from 'vitest';
import type { LayerName } from '#policies/analysis/explain/explanation.ts';
import type { Cause } from '#policies/cli/live/classify.ts';
import { judge } from '#policies/cli/live/judge.ts';

interface Row {
  readonly name: string;
  readonly cause: Cause;
  readonly verdict: 'allow' | 'deny';
  readonly stoppedBy?: readonly LayerName[];
  readonly declared: boolean | null;
  readonly kind: 'holds' | 'differs' | 'undecided';
  readonly why: string;
}

const rows: readonly Row[] = [
  {
    name: 'declared, allowed, reached',
    cause: 'application',
    verdict: 'allow',
    declared: true,
    kind: 'holds',
    why: 'all three agree',
  },
  {
    name: 'refused by a layer that stops it',
    cause: 'rbac',
    verdict: 'deny',
    stoppedBy: ['egress-guard', 'allow'],
    declared: false,
    kind: 'holds',
    why: 'any layer that stops it may be the one that is seen',
  },
  {
    name: 'reached although decided otherwise',
    cause: 'application',
    verdict: 'deny',
    stoppedBy: ['allow'],
    declared: false,
    kind: 'differs',
    why: 'the mesh lets through what its policies forbid',
  },
  {
    name: 'refused although allowed',
    cause: 'network-policy',
    verdict: 'allow',
    declared: true,
    kind: 'differs',
    why: 'a call that must work does not',
  },
  {
    name: 'refused by a layer that nothing explains',
    cause: 'mtls',
    verdict: 'deny',
    stoppedBy: ['allow'],
    declared: false,
    kind: 'differs',
    why: 'the right verdict for the wrong reason hides a hole',
  },
  {
    name: 'the objects allow what nobody declared',
    cause: 'application',
    verdict: 'allow',
    declared: false,
    kind: 'differs',
    why: 'drift: somebody opened it by hand',
  },
  {
    name: 'the objects refuse what is declared',
    cause: 'rbac',
    verdict: 'deny',
    stoppedBy: ['allow'],
    declared: true,
    kind: 'differs',
    why: 'drift: somebody closed it by hand',
  },
  {
    name: 'without an intent only the objects count',
    cause: 'application',
    verdict: 'allow',
    declared: null,
    kind: 'holds',
    why: 'nothing was declared to compare with',
  },
  {
    name: 'no cause',
    cause: 'unclear',
    verdict: 'deny',
    stoppedBy: ['allow'],
    declared: false,
    kind: 'undecided',
    why: 'a refusal without a cause proves no policy',
  },
];

describe('the judgement of a cell', () => {
  test.for(rows)('$name: $kind', ({ cause, verdict, stoppedBy, declared, kind, why }) => {
    const decided = {
      id: '1',
      verdict,
      layer: 'none',
      policy: null,
      rule: null,
      status: null,
      because: '',
      assumptions: [],
    } as const;
    const found = judge({ decided, stoppedBy: stoppedBy ?? [], declared }, { cause, because: 'seen', policy: null });
    expect(found.kind, why).toBe(kind);
  });
});
