import { constants, X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type IdentityMaterial, identityFile, readIdentity } from './identity-files.ts';

/** Terms of every TLS context: resumption would show a peer the certificate of an earlier connection. */
export const contextTerms = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const;

/** The identity in force, as TLS uses it. */
export interface Identity {
  readonly material: IdentityMaterial;
  readonly context: SecureContext;
  readonly serial: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

/**
 * Reads a workload's identity and follows its rotation: `change` is emitted after each replacement.
 * A pair that cannot be read leaves the one in force.
 */
export class IdentitySource extends EventEmitter<{ change: [Identity] }> {
  readonly #folder: string;
  readonly #watcher: FSWatcher;
  #current: Identity;
  #reading: Promise<void> = Promise.resolve();

  private constructor(folder: string, first: Identity) {
    super();
    this.#folder = folder;
    this.#current = first;
    const file = identityFile(folder);
    this.#watcher = watch(dirname(file), (_event, name) => {
      if (name === basename(file)) this.#reading = this.#reading.then(() => this.#reload());
    });
  }

  /** Opens the identity in `folder`. Errors: throws when there is none. */
  static async open(folder: string): Promise<IdentitySource> {
    return new IdentitySource(folder, await load(folder));
  }

  get current(): Identity {
    return this.#current;
  }

  close(): void {
    this.#watcher.close();
  }

  async #reload(): Promise<void> {
    try {
      const next = await load(this.#folder);
      if (next.serial === this.#current.serial) return;
      this.#current = next;
      this.emit('change', next);
    } catch {
      // The next rotation brings another event; until then the pair in force is still valid for half its lifetime.
    }
  }
}

async function load(folder: string): Promise<Identity> {
  const material = await readIdentity(folder);
  const leaf = new X509Certificate(material.cert);
  return {
    material,
    context: createSecureContext({ ...material, ...contextTerms }),
    serial: leaf.serialNumber,
    expiresAt: leaf.validToDate.getTime(),
  };
}

/**
 * How long a connection may be used, in ms from now: for new requests of the caller, for the callee to ask for another
 * one (later, so that the caller, who can do it without a race, comes first), and at all.
 */
export interface ConnectionAge {
  readonly drainsAfterMs: number;
  readonly isAskedAfterMs: number;
  readonly endsAfterMs: number;
}

/**
 * The age that keeps a connection within the certificates it was opened with: no new requests after half of what is
 * left of the shorter one, and its end, streams included, after nine tenths.
 */
export function connectionAge(expiries: readonly number[], now: number): ConnectionAge {
  const left = Math.max(0, Math.min(...expiries) - now);
  return { drainsAfterMs: left * 0.5, isAskedAfterMs: left * 0.7, endsAfterMs: left * 0.9 };
}
