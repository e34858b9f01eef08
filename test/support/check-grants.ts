import { admissions, expiredGrants, readIntent } from '#policies/intent/index.ts';
import { catalog } from '#services/catalog.ts';

const settings = { trustDomain: 'trading.local', issuer: 'https://issuer.invalid', audiences: ['trading'] };

/** Joins both keys of every grant and reports what does not fit and what has expired by `day` (default: today, UTC). */
export async function checkGrants(day: string = new Date().toISOString().slice(0, 10)): Promise<readonly string[]> {
  const result = readIntent(catalog, admissions, settings);
  if (!result.ok)
    return result.problems.map(
      ({ code, message, sources, help }) => `${sources.join(' and ')}: ${code}: ${message}; ${help}`,
    );
  return expiredGrants(result.intent, day).map(
    ({ source, reason, owner, expires }) =>
      `${source}: grant/expired: the grant "${reason}" ended on ${expires}; ${owner} removes the call or renews it`,
  );
}
