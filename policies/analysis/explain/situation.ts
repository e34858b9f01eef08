/** One call with everything that its layers read, resolved once. */
import type { AuthorizationPolicy } from '../../language/authorization.ts';
import type { SourceDocument } from '../../language/document.ts';
import { arriveAt, shownBy, type Transport } from '../connection.ts';
import { ofAction, tokenRulesAt } from '../enforcement-point.ts';
import { connectionFacts, httpFacts, readPath } from '../facts.ts';
import { workloadIdentity } from '../identity.ts';
import type { Listener } from '../listener.ts';
import type { Facts } from '../rules.ts';
import type { TokenOutcome } from '../token.ts';
import { asGiven, givenHeaders, givingToken } from '../token-headers.ts';
import type { Call } from '../world.ts';
import { tokenOutcome } from './token-layer.ts';

/** A guarded listener. */
type Guarded = Exclude<Listener, { kind: 'unguarded' }>;

/**
 * The proxy's view of a call. Where the transport refuses the connection the facts are those of the same call once it
 * is accepted, so that every later layer can be asked on its own.
 */
export interface Situation {
  readonly call: Call;
  readonly documents: readonly SourceDocument[];
  readonly transport: Transport;
  /** Null when no proxy stands before the port. */
  readonly proxy: {
    readonly listener: Guarded;
    readonly chain: 'http' | 'tcp';
    readonly facts: Facts;
    readonly token: TokenOutcome;
  } | null;
}

/** Resolves what the layers of `call` read. */
export function situationOf(call: Call, documents: readonly SourceDocument[]): Situation {
  const { departure, listener, source, world } = call;
  const own = source === null ? [] : [workloadIdentity(world.mesh, source)];
  const transport: Transport = departure.kind === 'sends' ? departure.transport : { kind: 'mtls', identities: own };
  if (listener.kind === 'unguarded') return { call, documents, transport, proxy: null };
  const arrival = arriveAt(listener, transport, { speaksHttp: call.request.http !== null, config: world.mesh.config });
  const sniffed = call.request.http === null ? 'tcp' : 'http';
  const chain =
    arrival.kind === 'accepted' ? arrival.chain : listener.protocol === 'auto' ? sniffed : listener.protocol;
  const identities =
    arrival.kind === 'accepted' ? arrival.identities : transport.kind === 'mtls' ? shownBy(transport) : null;
  const token: TokenOutcome = chain === 'http' ? tokenOutcome(call) : { kind: 'noClaims' };
  return {
    call,
    documents,
    transport,
    proxy: { listener, chain, token, facts: factsOf(call, { chain, identities, token }) },
  };
}

function factsOf(
  call: Call,
  parts: {
    readonly chain: 'http' | 'tcp';
    readonly identities: readonly string[] | null;
    readonly token: TokenOutcome;
  },
): Facts {
  const facts = connectionFacts(call.request, parts.identities);
  const http = call.request.http;
  if (parts.chain === 'tcp' || http === null) return facts;
  const path = readPath(http, call.world.mesh.config, call.world.profile);
  if (path.kind !== 'path') return facts;
  const seen = asGiven(http, givenHeaders(tokenRulesAt(call.point)), givingToken(parts.token, call.request.token));
  return { ...facts, http: httpFacts(seen, path, parts.token.kind === 'claims' ? parts.token.claims : null) };
}

/** The enforced policies of one action at the proxy of the call. */
export function enforced(call: Call, action: AuthorizationPolicy['action']['kind']): readonly AuthorizationPolicy[] {
  return ofAction(call.point, action);
}
