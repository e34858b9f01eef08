/**
 * Whether decisions may be compared claim by claim. An element of a claim is a word where a RequestAuthentication splits
 * the text at spaces, and the whole text elsewhere: equal tests then ask different things of the same token.
 */
import { testsOf } from './formula.ts';
import type { ProxyDecision } from './proxy.ts';

/** A claim that decisions test and that some of them split and others do not, undefined where there is none. */
export function tryFindClaimReadDifferently(
  decisions: readonly Pick<ProxyDecision, 'allowed' | 'token'>[],
): string | undefined {
  const readings = new Map<string, boolean>();
  for (const { allowed, token } of decisions)
    for (const test of testsOf([allowed])) {
      const [name = '', ...below] = test.on === 'claim' ? test.path : [];
      if (test.on !== 'claim' || below.length > 0) continue;
      const isSplit = token.splits.has(name);
      if (readings.get(name) === !isSplit) return name;
      readings.set(name, isSplit);
    }
  return undefined;
}
