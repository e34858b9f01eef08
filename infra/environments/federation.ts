/** Another trust domain whose workloads may be admitted here; both domains keep a root and a SPIRE of their own. */
export interface FederatedDomain {
  readonly trustDomain: string;
  /** Where its SPIRE server publishes its roots, `https://spire.partner.example:8443`. */
  readonly bundleEndpoint: string;
}
