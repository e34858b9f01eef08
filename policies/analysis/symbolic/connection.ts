/** The twin of `../connection.ts`: which connections a listener accepts, on which chain. Source: semantics.md 3.10, 4. */
import type { MeshConfig } from '../../language/mesh.ts';
import { ownPrefix } from '../ambient/ztunnel.ts';
import { trustedPrefixes } from '../connection.ts';
import type { Listener } from '../listener.ts';
import { ALWAYS, all, type Formula, holds, not, some } from './formula.ts';

/** One way in which connections are accepted. */
export interface SymbolicArrival {
  readonly when: Formula;
  /** `when` without what the handshake asks for: of connections to this chain, however they come. */
  readonly leadsHere: Formula;
  readonly chain: 'http' | 'tcp';
  readonly sees: 'identities' | 'nothing';
}

/** The ways in which a listener accepts plaintext and mesh mTLS; what none of them covers is refused. */
export function arriveAt(
  listener: Exclude<Listener, { kind: 'unguarded' }>,
  config: MeshConfig,
): readonly SymbolicArrival[] {
  const speaksHttp = holds({ on: 'bytes', is: 'http' });
  const chains: readonly { readonly chain: 'http' | 'tcp'; readonly when: Formula }[] =
    listener.protocol === 'auto'
      ? [
          { chain: 'http', when: speaksHttp },
          { chain: 'tcp', when: not(speaksHttp) },
        ]
      : [{ chain: listener.protocol, when: ALWAYS }];
  const trusted = listener.kind === 'ztunnel' ? showsOne([ownPrefix(config)]) : isTrusted(config);
  const accepted = acceptance(listener, trusted);
  return chains.map(({ chain, when }) => ({
    chain,
    leadsHere: when,
    when: all([when, accepted.when]),
    sees: accepted.sees,
  }));
}

function acceptance(
  listener: Exclude<Listener, { kind: 'unguarded' }>,
  trusted: Formula,
): Pick<SymbolicArrival, 'when' | 'sees'> {
  const plaintext = not(holds({ on: 'certificate' }));
  if (listener.kind === 'gateway') {
    if (listener.identity === 'none') return { when: ALWAYS, sees: 'nothing' };
    return { when: listener.identity === 'mesh' ? trusted : ALWAYS, sees: 'identities' };
  }
  switch (listener.mode) {
    case 'STRICT':
      return { when: trusted, sees: 'identities' };
    case 'PERMISSIVE':
      return { when: some([plaintext, trusted]), sees: 'identities' };
    case 'DISABLE':
      return { when: plaintext, sees: 'nothing' };
  }
}

/** When one SAN belongs to an accepted trust domain; false of a peer without certificate. */
export function isTrusted(config: MeshConfig): Formula {
  return showsOne(trustedPrefixes(config));
}

/** When one URI SAN has one of the prefixes. */
function showsOne(prefixes: readonly string[]): Formula {
  return some(
    prefixes.map((value) => holds({ on: 'uri', pattern: { kind: 'principal', pattern: { kind: 'prefix', value } } })),
  );
}
