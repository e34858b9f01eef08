/**
 * The reference meaning of `intent.json`: may this call happen? It imports nothing, above all nothing of the policy
 * engine, so that it can serve as an independent opinion on what the engine decides and what the mesh does.
 */

/** The members of `intent.json` that its meaning depends on. */
export interface DeclaredIntent {
  readonly trustDomain: string;
  readonly grants: readonly DeclaredGrant[];
  readonly platform: readonly DeclaredGrant[];
}

/** One declared grant, as far as its meaning goes. */
export interface DeclaredGrant {
  readonly caller: {
    readonly kind: string;
    readonly trustDomain?: string;
    readonly namespace?: string;
    readonly serviceAccount?: string;
  };
  readonly callee: { readonly kind: string; readonly namespace?: string; readonly workload?: string };
  readonly port: number;
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly user: {
    readonly issuer: string;
    readonly audiences: readonly string[];
    readonly claims: readonly { readonly claim: string; readonly values: readonly string[] }[];
  } | null;
  /** `network-policy`: no proxy stands before the port, so identities and methods play no part. */
  readonly guardedBy?: string;
  /** The last day of the grant, `2027-06-30`; the meaning never asks for it, `verify --on` does. */
  readonly expires?: string;
  readonly owner?: string;
  readonly reason?: string;
  readonly source?: string;
}

/**
 * One call: the SPIFFE ID of a valid certificate of this mesh (null without one), the place, and the user's token:
 * what a valid one says, `invalid` (expired, foreign key, other audience), or null without one.
 */
export interface Call {
  readonly spiffeId: string | null;
  readonly callee: { readonly namespace: string; readonly workload: string };
  readonly port: number;
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly token:
    | { readonly issuer: string; readonly audience: string; readonly claims: Readonly<Record<string, string>> }
    | 'invalid'
    | null;
}

const isParameter = (segment: string): boolean => segment.startsWith('{') && segment.endsWith('}');

function matchesTemplate(template: string, path: string): boolean {
  const expected = template.split('/');
  const actual = path.split('/');
  return (
    expected.length === actual.length &&
    expected.every((segment, index) => (isParameter(segment) ? actual[index] !== '' : segment === actual[index]))
  );
}

function isUser(user: DeclaredGrant['user'], token: Call['token']): boolean {
  if (user === null) return true;
  if (token === null || token === 'invalid' || token.issuer !== user.issuer || !user.audiences.includes(token.audience))
    return false;
  return user.claims.every(({ claim, values }) =>
    (token.claims[claim] ?? '').split(' ').some((word) => values.includes(word)),
  );
}

/** True iff some declared grant lets the call happen; a callee that asks anybody for a user accepts no invalid token from anybody. */
export function isDeclared(intent: DeclaredIntent, call: Call): boolean {
  const grants = [...intent.grants, ...intent.platform].filter(
    ({ callee }) => callee.namespace === call.callee.namespace && callee.workload === call.callee.workload,
  );
  if (call.token === 'invalid' && grants.some(({ user }) => user !== null)) return false;
  return grants.some(({ caller, port, http, user }) => {
    const id = `spiffe://${caller.trustDomain ?? intent.trustDomain}/ns/${caller.namespace}/sa/${caller.serviceAccount}`;
    return (
      caller.kind === 'workload' &&
      call.spiffeId === id &&
      port === call.port &&
      (http === null ||
        (call.http !== null && http.method === call.http.method && matchesTemplate(http.path, call.http.path))) &&
      isUser(user, call.token)
    );
  });
}
