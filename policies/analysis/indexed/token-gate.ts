/** The token check of one workload with its rules found by issuer. Source: semantics.md 8, as in `token.ts`. */

import type { HttpRequest, Token } from '../request.ts';
import { isPreflight, looksInAuthorization, tokenFault, type Verifier } from '../token.ts';

/** Passed without claims, refused with a status, or the verifier that accepts. */
export type GateOutcome = 'noClaims' | 401 | 403 | Gatekeeper;

/** A verifier together with the claims that it splits into words. */
export interface Gatekeeper {
  readonly verifier: Verifier;
  readonly delimited: ReadonlySet<string>;
}

/** Decides tokens without copying claims. */
export class TokenGate {
  readonly #byIssuer = new Map<string, Gatekeeper[]>();

  constructor(verifiers: readonly Verifier[]) {
    for (const verifier of verifiers.filter(({ rule }) => looksInAuthorization(rule))) {
      const delimited = new Set(['scope', 'permission', ...verifier.rule.spaceDelimitedClaims]);
      const keepers = this.#byIssuer.get(verifier.rule.issuer) ?? [];
      keepers.push({ verifier, delimited });
      this.#byIssuer.set(verifier.rule.issuer, keepers);
    }
  }

  /** Decides one request's token; without rules, and for a CORS preflight, tokens are not looked at. */
  decide(token: Token | null, http: HttpRequest): GateOutcome {
    if (token === null || this.#byIssuer.size === 0 || isPreflight(http)) return 'noClaims';
    const issuer = token.claims['iss'];
    const keepers = typeof issuer === 'string' ? this.#byIssuer.get(issuer) : undefined;
    if (keepers === undefined) return 401;
    let first: 401 | 403 | undefined;
    for (const keeper of keepers) {
      const fault = tokenFault(keeper.verifier, token);
      if (fault === undefined) return keeper;
      first ??= fault;
    }
    return first ?? 401;
  }
}
