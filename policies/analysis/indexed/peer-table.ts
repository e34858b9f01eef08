/** The identities that rules name, numbered, so that each request's caller is looked up once. */
import { isTrusted } from '../connection.ts';

/** What is known of a caller's certificate before rules are asked. */
export interface Peer {
  /** The number of its one identity; -1 where rules do not name it, or where it shows several. */
  readonly number: number;
  readonly isTrusted: boolean;
}

const STRANGERS: Readonly<Record<'trusted' | 'foreign', Peer>> = {
  trusted: { number: -1, isTrusted: true },
  foreign: { number: -1, isTrusted: false },
};

/** Numbers identities as rules are indexed, and finds the peer of a request. */
export class PeerTable {
  readonly #known = new Map<string, Peer>();
  readonly #trusted: readonly string[];

  /** `trusted` are the SAN prefixes of the accepted trust domains. */
  constructor(trusted: readonly string[]) {
    this.#trusted = trusted;
  }

  /** The number of an identity that a rule names. */
  number(identity: string): number {
    const known = this.#known.get(identity);
    if (known !== undefined) return known.number;
    const number = this.#known.size;
    this.#known.set(identity, { number, isTrusted: isTrusted([identity], this.#trusted) });
    return number;
  }

  /** The number of an identity, undefined where no rule names it. */
  tryNumber(identity: string): number | undefined {
    return this.#known.get(identity)?.number;
  }

  /** The peer that shows these identities. */
  of(identities: readonly string[]): Peer {
    const known = identities.length === 1 ? this.#known.get(identities[0] ?? '') : undefined;
    return known ?? STRANGERS[isTrusted(identities, this.#trusted) ? 'trusted' : 'foreign'];
  }
}
