/**
 * The stand-in's authorities over time, in the steps of SPIRE's local authorities: a new one is prepared (its root is
 * trusted, nothing is signed with it), activated (everything is signed with it, the old root is still trusted), and the
 * old one is retired.
 */
import { createSigningAuthority, type SigningAuthority, type UpstreamRoot } from './signing-authority.ts';

/** The authorities at one moment; what the stand-in keeps on disk. */
export interface TrustState {
  readonly active: SigningAuthority;
  readonly prepared: SigningAuthority | null;
  /** Roots of earlier authorities that are still trusted, PEM. */
  readonly former: readonly string[];
  /** Counts authorities, so that each has a name of its own. */
  readonly generation: number;
}

/** How authorities are made. */
export interface TrustOptions {
  /** First part of their names. */
  readonly name: string;
  readonly lifetimeMs: number;
  readonly upstream: UpstreamRoot | null;
}

/** The first authority. */
export async function beginTrust(options: TrustOptions): Promise<TrustState> {
  return { active: await nextAuthority(options, 1), prepared: null, former: [], generation: 1 };
}

const nextAuthority = ({ name, lifetimeMs, upstream }: TrustOptions, generation: number): Promise<SigningAuthority> =>
  createSigningAuthority(`${name} ${generation}`, lifetimeMs, upstream);

/** Makes the next authority known; one that is prepared already stays. */
export async function prepare(state: TrustState, options: TrustOptions): Promise<TrustState> {
  if (state.prepared !== null) return state;
  const generation = state.generation + 1;
  return { ...state, generation, prepared: await nextAuthority(options, generation) };
}

/** Signs with the prepared authority from now on. Errors: throws when none was prepared. */
export function activate(state: TrustState): TrustState {
  if (state.prepared === null) throw new Error('expected a prepared authority, got none');
  return { ...state, active: state.prepared, prepared: null, former: [...state.former, state.active.root] };
}

/** Trusts only what signs now and what is prepared. */
export function retire(state: TrustState): TrustState {
  return { ...state, former: [] };
}

/** Every root that is trusted now, each once, PEM. */
export function bundleOf({ active, prepared, former }: TrustState): string {
  const roots = [active.root, ...(prepared === null ? [] : [prepared.root]), ...former];
  // In one order, so that the same roots are the same text and no proxy is told twice.
  return [...new Set(roots)].sort().join('');
}
