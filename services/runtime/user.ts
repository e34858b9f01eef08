import type { CallContext } from './call-context.ts';
import { RpcError, status } from './rpc-error.ts';

/** The header and metadata key that the mesh fills after it has verified the user's token. */
export const userPayloadHeader = 'x-jwt-payload';

/** The end user of a call, as the verified token says. Shape: `{subject: 'alice', accounts: ['A1'], scopes: ['orders.write']}`. */
export interface User {
  readonly subject: string;
  readonly accounts: readonly string[];
  readonly scopes: readonly string[];
}

/**
 * Parses the values of `x-jwt-payload` (base64url of the claims as JSON); no value means no user.
 * Errors: throws `RpcError` UNAUTHENTICATED when there are several values or one that is not a claims object with `sub`,
 * so that a broken payload is never taken for a call without a user.
 */
export function parseUser(values: readonly (string | Buffer)[]): User | undefined {
  const [value] = values;
  if (value === undefined) return undefined;
  const claims = values.length === 1 ? decodeClaims(String(value)) : undefined;
  const subject = claims?.['sub'];
  if (claims === undefined || typeof subject !== 'string' || subject === '') {
    throw new RpcError(status.UNAUTHENTICATED, 'the claims of the user cannot be read');
  }
  return { subject, accounts: stringsOf(claims['accounts']), scopes: scopesOf(claims['scope']) };
}

/** The user of a call. Errors: throws `RpcError` UNAUTHENTICATED when the call carries none. */
export function requireUser(call: CallContext): User {
  const user = call.user;
  if (user === undefined) throw new RpcError(status.UNAUTHENTICATED, 'this method needs a user');
  return user;
}

function decodeClaims(encoded: string): Readonly<Record<string, unknown>> | undefined {
  // Two joined headers hold a comma, which lenient decoders skip.
  if (!/^[\w-]+=*$/.test(encoded)) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function stringsOf(claim: unknown): readonly string[] {
  return Array.isArray(claim) ? claim.filter((entry) => typeof entry === 'string') : [];
}

function scopesOf(claim: unknown): readonly string[] {
  return typeof claim === 'string' ? claim.split(' ').filter((scope) => scope !== '') : [];
}
