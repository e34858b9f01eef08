/** Statements about a mesh, and what became of each. */
import type { Counterexample } from './counterexample.ts';

/** The statements that `verify` proves. */
export type ObligationName =
  | 'allowed-equals-declared'
  | 'undeclared-workloads-closed'
  | 'mutual-tls-only'
  | 'declared-calls-pass-every-layer'
  | 'gateway-policies-equal-declared'
  | 'network-equals-declared'
  | 'egress-equals-declared'
  | 'pods-confined'
  | 'identities-given-as-declared'
  | 'no-grant-expired'
  | 'no-plaintext'
  | 'trusted-identities-only'
  | 'default-deny'
  | 'no-vacuous-rule'
  | 'no-idle-rule'
  | 'users-bring-tokens'
  | 'same-under-every-profile';

/** What became of one statement. */
export interface Obligation {
  readonly name: ObligationName;
  /** `conditional` is a proof under the assumptions. */
  readonly status: 'proved' | 'conditional' | 'refuted' | 'unknown';
  readonly assumptions: readonly string[];
  /**
   * The PeerAuthentications (`namespace/name`) without which it would not hold: whose handshake keeps plaintext and
   * foreign identities out. Empty where it holds without such help.
   */
  readonly leansOn: readonly string[];
  readonly counterexamples: readonly Counterexample[];
  /** What could not be decided, or is left out, and why. */
  readonly notes: readonly string[];
}

/** Collects what the places of one obligation gave. */
export class Ledger {
  readonly counterexamples: Counterexample[] = [];
  readonly assumptions = new Set<string>();
  readonly notes = new Set<string>();
  readonly leansOn = new Set<string>();
  unknown = false;
  failed = false;

  close(name: ObligationName): Obligation {
    const status =
      this.failed || this.counterexamples.length > 0
        ? 'refuted'
        : this.unknown
          ? 'unknown'
          : this.assumptions.size > 0
            ? 'conditional'
            : 'proved';
    return {
      name,
      status,
      assumptions: [...this.assumptions].toSorted(),
      leansOn: [...this.leansOn].toSorted(),
      counterexamples: this.counterexamples,
      notes: [...this.notes].toSorted(),
    };
  }
}
