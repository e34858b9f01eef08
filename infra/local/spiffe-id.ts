/** The trust domain of the local mesh. */
export const localTrustDomain = 'trading.local';

/** The identity of a workload. Shape: `spiffe://trading.local/ns/trading/sa/order`. */
export function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** True iff `id` is of `trustDomain`. */
export function isOfTrustDomain(id: string, trustDomain: string): boolean {
  return id.startsWith(`spiffe://${trustDomain}/`);
}

/**
 * The URI names of a certificate out of the text that Node gives (`URI:spiffe://a/b, DNS:c`).
 * Shape: a name with an odd character is quoted by Node; such a name is no SPIFFE ID and comes back as written, so that
 * it counts but never matches.
 */
export function uriNames(subjectAltName: string | undefined): readonly string[] {
  return [...(subjectAltName ?? '').matchAll(/(?:^|, )URI:("(?:[^"\\]|\\.)*"|[^,]*)/g)].map((match) => match[1] ?? '');
}
