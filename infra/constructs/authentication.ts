import type { Construct } from 'constructs';
import type { Grant } from '#policies/intent/index.ts';
import { sourceLines } from './grant-annotations.ts';
import { atSynthesis, renderObject, sourceAnnotation } from './istio-object.ts';
import type { Labels } from './peer.ts';

/** The header in which a sidecar hands the verified token's payload to its application (base64url JSON). */
export const payloadHeader = 'x-jwt-payload';

/** Adds `PeerAuthentication/default`: only mutual TLS is answered. In the root namespace it holds for the whole mesh. */
export function strictMutualTls(scope: Construct): void {
  renderObject(scope, 'mutual-tls', {
    kind: 'PeerAuthentication',
    metadata: { name: 'default' },
    body: { spec: { mtls: { mode: 'STRICT' } } },
  });
}

/** Whose tokens one workload verifies. */
export interface TokensProps {
  readonly name: string;
  readonly selector: Labels;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Public keys as JSON text: written out, so that no proxy and no istiod fetches keys. */
  readonly jwks: string;
  /** The grants that ask for such a token; asked at synthesis, when every edge is known. */
  readonly grants: () => readonly Grant[];
}

/**
 * Adds the RequestAuthentication of one workload. It never rejects a request without a token: the callers policy
 * asks for the claims. The payload header is removed from every request first, so it never comes from outside.
 */
export function verifiedTokens(scope: Construct, id: string, props: TokensProps): void {
  const { issuer, audiences, jwks } = props;
  const rule = {
    issuer,
    audiences,
    jwks,
    // The one place: by default a query parameter would do as well, and addresses end up in logs.
    fromHeaders: [{ name: 'authorization', prefix: 'Bearer ' }],
    forwardOriginalToken: true,
    outputPayloadToHeader: payloadHeader,
  };
  renderObject(scope, id, {
    kind: 'RequestAuthentication',
    metadata: { name: props.name, annotations: { [sourceAnnotation]: atSynthesis(() => sourceLines(props.grants())) } },
    body: { spec: { selector: { matchLabels: props.selector }, jwtRules: [rule] } },
  });
}
