/** The identities that rules name, numbered, so that each request's caller is looked up once. */
import { isTrusted } from '../connection.ts';

/**
 * What is known of a caller's certificate before rules are asked, as one number, since an object would be one more place
 * in memory: odd iff a trust domain is accepted, negative where rules name none of its identities or it shows several.
 */
export type Peer = number;

const [TRUSTED_STRANGER, FOREIGN_STRANGER]: readonly [Peer, Peer] = [-1, -2];

/** The peer of whoever shows no certificate. */
export const NO_PEER: Peer = FOREIGN_STRANGER;

/** True iff one identity of the peer belongs to an accepted trust domain. */
export const isTrustedPeer = (peer: Peer): boolean => (peer & 1) === 1;

/** Numbers identities as rules are indexed, and finds the peer of a request. */
export class PeerTable {
  readonly #known = new Map<string, Peer>();
  readonly #trusted: readonly string[];

  /** `trusted` are the SAN prefixes of the accepted trust domains. */
  constructor(trusted: readonly string[]) {
    this.#trusted = trusted;
  }

  /** The peer of an identity that a rule names. */
  add(identity: string): Peer {
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    const peer = this.#known.size * 2 + (isTrusted([identity], this.#trusted) ? 1 : 0);
    this.#known.set(identity, peer);
    return peer;
  }

  /** The peer of an identity, undefined where no rule names it. */
  tryFind(identity: string): Peer | undefined {
    return this.#known.get(identity);
  }

  /** The peer that shows these identities. */
  of(identities: readonly string[]): Peer {
    const known = identities.length === 1 ? this.#known.get(identities[0] ?? '') : undefined;
    return known ?? (isTrusted(identities, this.#trusted) ? TRUSTED_STRANGER : FOREIGN_STRANGER);
  }
}
