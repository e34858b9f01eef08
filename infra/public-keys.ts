import { createPublicKey, type webcrypto } from 'node:crypto';

/** Public keys as the one text that RequestAuthentications carry, or what is wrong with the file. */
export type PublicKeys =
  | { readonly ok: true; readonly jwks: string }
  | {
      readonly ok: false;
      readonly problems: readonly {
        readonly code: string;
        readonly message: string;
        readonly files: readonly string[];
        readonly help: string;
      }[];
    };

/** Members of a JSON Web Key that are public, in the order in which they are written. */
const publicMembers = ['kty', 'kid', 'use', 'alg', 'crv', 'x', 'y', 'n', 'e'] as const;

/** Members that only a private or symmetric key has. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'] as const;

/**
 * Reads a JSON Web Key Set that may be published. Errors: `jwks/syntax`, `jwks/empty`, `jwks/private-key`,
 * `jwks/unusable-key`; a private key is refused, never stripped, because its file is already in the wrong place.
 */
export function readPublicKeys(text: string, file: string): PublicKeys {
  const fail = (code: string, message: string, help: string): PublicKeys => ({
    ok: false,
    problems: [{ code, message, files: [file], help }],
  });
  const keys = tryReadKeys(text);
  if (keys === undefined)
    return fail('jwks/syntax', 'expected a JSON object with a list `keys`', 'write a JSON Web Key Set (RFC 7517)');
  if (keys.length === 0)
    return fail('jwks/empty', 'expected at least one key, got none', 'add the public key of the issuer');
  const secret = secretMembers.find((member) => keys.some((key) => member in key));
  if (secret !== undefined)
    return fail(
      'jwks/private-key',
      `member \`${secret}\` belongs to a private key`,
      'keep the public half only, and replace the key',
    );
  const unusable = keys.find((key) => !isPublicKey(key));
  if (unusable !== undefined)
    return fail(
      'jwks/unusable-key',
      `key \`${String(unusable['kid'])}\` is no public key`,
      'expected kty EC or RSA with all public members',
    );
  return { ok: true, jwks: JSON.stringify({ keys: keys.map(publicPart) }) };
}

type Key = Readonly<Record<string, unknown>>;

function tryReadKeys(text: string): readonly Key[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
    const isList = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null);
    return isList ? (keys as Key[]) : undefined;
  } catch {
    return undefined;
  }
}

function isPublicKey(key: Key): boolean {
  try {
    return createPublicKey({ key: key as webcrypto.JsonWebKey, format: 'jwk' }).type === 'public';
  } catch {
    return false;
  }
}

const publicPart = (key: Key): Key =>
  Object.fromEntries(publicMembers.filter((member) => member in key).map((member) => [member, key[member]]));
