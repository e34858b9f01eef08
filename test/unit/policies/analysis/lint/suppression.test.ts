import { describe, expect, test } from 'vitest';
import { isDay } from '#policies/analysis/lint/suppression.ts';
import { cartPolicy, cartRule, lintWith, type Parts } from './lint-mesh.ts';

/** `cart` with one finding, `authz/header-condition`, and an annotation. */
const annotated = (ignore: string): Parts => ({
  policy: cartPolicy(
    [{ ...cartRule(), when: [{ key: 'request.headers[x-role]', values: ['admin'] }] }],
    {},
    { annotations: { 'meshwright.dev/ignore': ignore } },
  ),
});

const codes = (parts: Parts, on?: string) => lintWith(parts, on).findings.map(({ code }) => code);
const CODE = 'authz/header-condition';

describe('a suppression', () => {
  test('with a reason silences the code on its object, and is shown with the reason', () => {
    const result = lintWith(annotated(`${CODE} the gateway sets the header`));
    expect(result.findings).toEqual([]);
    expect(result.suppressed).toMatchObject([
      { finding: { code: CODE }, reason: 'the gateway sets the header', until: null },
    ]);
  });

  test('counts on its last day, and not on the next', () => {
    const parts = annotated(`${CODE} the gateway sets it until 2026-06-30`);
    expect(codes(parts, '2026-06-30')).toEqual([]);
    expect(lintWith(parts, '2026-06-30').suppressed).toMatchObject([
      { until: '2026-06-30', reason: 'the gateway sets it' },
    ]);
    expect(codes(parts, '2026-07-01').toSorted()).toEqual([CODE, 'suppression/expired']);
  });

  test.for([
    { ignore: CODE, fault: 'suppression/no-reason' },
    { ignore: `${CODE} later`, fault: 'suppression/no-reason' },
    { ignore: `${CODE} until 2027-01-01`, fault: 'suppression/no-reason' },
    { ignore: 'authz/header the gateway sets it', fault: 'suppression/unknown-code' },
    { ignore: `${CODE} the gateway sets it until 2027-02-30`, fault: 'suppression/bad-date' },
    { ignore: `${CODE} the gateway sets it until tomorrow`, fault: 'suppression/bad-date' },
  ])('`$ignore` silences nothing: $fault', ({ ignore, fault }) => {
    expect(codes(annotated(ignore)).toSorted()).toEqual([CODE, fault]);
  });

  test('that silences nothing is a note', () => {
    const { findings } = lintWith(annotated(`${CODE} the gateway sets it\nauthz/dry-run not sure yet`));
    expect(findings).toMatchObject([{ code: 'suppression/unused', severity: 'note' }]);
  });

  test('is for its own object alone', () => {
    const other = cartPolicy(
      [{ ...cartRule(), when: [{ key: 'request.headers[y]', values: ['b'] }] }],
      {},
      { name: 'other' },
    );
    const { findings } = lintWith({ ...annotated(`${CODE} the gateway sets it`), other });
    expect(findings.map(({ code, subject }) => `${code} ${subject.name}`)).toEqual([`${CODE} other`]);
  });
});

test.for([
  ['2028-02-29', true],
  ['2027-02-29', false],
  ['2027-13-01', false],
  ['27-01-01', false],
] as const)('%s is a day: %s', ([text, expected]) => {
  expect(isDay(text)).toBe(expected);
});
