/** Semantics profiles: every switch in which Istio and Envoy versions differ. Source: semantics.md 1. */

/** One pinned pair of Istio and Envoy behaviour. */
export interface Profile {
  readonly name: string;
  /** Whether `trustDomains` and `source.trustDomain` exist; before, the field is pruned and the key unknown. */
  readonly trustDomainFields: 'known' | 'unknown';
  /** Whether repeated header lines are matched one by one or joined with `,` (CVE-2026-26308). */
  readonly repeatedHeaders: 'individual' | 'joined';
  /** Whether `..;x` counts as a dot segment (CVE-2026-73511). */
  readonly dotSegmentParameters: 'resolved' | 'kept';
}

/** The names that `--semantics` accepts; each means the newest patch of its line. */
export type ProfileName = 'istio-1.29' | 'istio-1.30' | 'istio-1.31';

/** The profiles by name. Envoy lines: 1.37.6 and later, 1.38.4 and later, 1.39. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'istio-1.29': {
    name: 'istio-1.29',
    trustDomainFields: 'unknown',
    repeatedHeaders: 'individual',
    dotSegmentParameters: 'resolved',
  },
  'istio-1.30': {
    name: 'istio-1.30',
    trustDomainFields: 'known',
    repeatedHeaders: 'individual',
    dotSegmentParameters: 'resolved',
  },
  'istio-1.31': {
    name: 'istio-1.31',
    trustDomainFields: 'known',
    repeatedHeaders: 'individual',
    dotSegmentParameters: 'resolved',
  },
};

/** The profile of this product. */
export const DEFAULT_PROFILE: Profile = PROFILES['istio-1.31'];
