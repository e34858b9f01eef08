/** AuthorizationPolicies as their authors wrote them, for operators. */
import type { Materials } from '../mutant.ts';
import type { Spot } from '../spot.ts';

/** Every AuthorizationPolicy. */
export const policies = (materials: Materials): readonly Spot[] => materials.of('AuthorizationPolicy');

/** Every rule of every policy. */
export const rules = (materials: Materials): readonly Spot[] =>
  policies(materials).flatMap((policy) => policy.get('spec', 'rules').items());

/** Every source of every rule. */
export const sources = (materials: Materials): readonly Spot[] => policies(materials).flatMap(sourcesOf);

/** Every source of one policy. */
export const sourcesOf = (policy: Spot): readonly Spot[] =>
  policy
    .get('spec', 'rules')
    .items()
    .flatMap((rule) => rule.get('from').items())
    .map((item) => item.get('source'));

/** Every operation of every rule. */
export const operations = (materials: Materials): readonly Spot[] =>
  rules(materials).flatMap((rule) =>
    rule
      .get('to')
      .items()
      .map((item) => item.get('operation')),
  );

/** Every condition of every rule. */
export const conditions = (materials: Materials): readonly Spot[] =>
  rules(materials).flatMap((rule) => rule.get('when').items());

/** Every entry of one field of the places. */
export const entries = (spots: readonly Spot[], field: string): readonly Spot[] =>
  spots.flatMap((spot) => spot.get(field).items());

/** True iff the policy is an ALLOW without rules: it lets nothing in. */
export function isDefaultDeny(policy: Spot): boolean {
  const action = policy.get('spec', 'action').text();
  return (action === '' || action === 'ALLOW') && policy.get('spec', 'rules').items().length === 0;
}

/** The item of a list that follows another one, cyclic; undefined where there is no other. */
export function nextAfter<T>(list: readonly T[], item: T): T | undefined {
  const next = list[(list.indexOf(item) + 1) % list.length];
  return next === item ? undefined : next;
}

/** A mapping with one member under another name, at the same place. */
export function renamed(value: unknown, from: string, to: string): unknown {
  return Object.fromEntries(
    Object.entries(value as Readonly<Record<string, unknown>>).map(([key, member]) => [
      key === from ? to : key,
      member,
    ]),
  );
}
