/** One pod's certificate, renewed at half of its life. */
import type { Credential, Issuer } from '#infra/local/authority.ts';
import { issueLeaf } from '#infra/local/authority.ts';
import type { Registered } from './registrations.ts';

/** A certificate with what it is sent with. */
export interface Svid {
  readonly credential: Credential;
  /** Leaf and intermediates, PEM. */
  readonly chain: string;
}

/** What signs now. */
export interface Signer {
  readonly issuer: Issuer;
  readonly chain: string;
}

/** Keeps one certificate fresh and tells when there is a new one. */
export class SvidSource {
  readonly #registered: Registered;
  readonly #signer: () => Promise<Signer>;
  readonly #changed: () => void;
  #svid: Svid | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(registered: Registered, signer: () => Promise<Signer>, changed: () => void) {
    this.#registered = registered;
    this.#signer = signer;
    this.#changed = changed;
  }

  /** The present certificate, undefined before the first `renew`. */
  get current(): Svid | undefined {
    return this.#svid;
  }

  /** Signs a new certificate now, and again at half of its life (±10 %, so that pods do not renew together). */
  async renew(): Promise<void> {
    clearTimeout(this.#timer);
    const { issuer, chain } = await this.#signer();
    const { spiffeId, lifetimeMs } = this.#registered;
    const credential = await issueLeaf(issuer, { spiffeId, lifetimeMs });
    if (this.#isClosed) return;
    this.#svid = { credential, chain: `${credential.certificate}${chain}` };
    const afterMs = lifetimeMs * 0.5 * (0.9 + Math.random() * 0.2);
    this.#timer = setTimeout(() => void this.renew(), afterMs);
    this.#changed();
  }

  /** Stops renewing. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
