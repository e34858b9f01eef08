import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A token in the request format of `meshwright decide`. */
export interface TokenRequest {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly invalid?: 'signature' | 'expired' | 'audience';
}

interface IssuerKey {
  readonly sign: CryptoKey;
  readonly jwk: JWK;
}

/** Signs tokens for issuers that have a key each; any other issuer signs with the first one's. */
export class TokenMint {
  readonly #keys: ReadonlyMap<string, IssuerKey>;
  readonly #foreign: CryptoKey;
  readonly #minted = new Map<string, Promise<string>>();

  private constructor(keys: ReadonlyMap<string, IssuerKey>, foreign: CryptoKey) {
    this.#keys = keys;
    this.#foreign = foreign;
  }

  static async create(issuers: readonly string[]): Promise<TokenMint> {
    const keys = new Map<string, IssuerKey>();
    for (const [index, issuer] of issuers.entries()) {
      const pair = await generateKeyPair('ES256', { extractable: true });
      const jwk = { ...(await exportJWK(pair.publicKey)), kid: `key-${index}`, alg: 'ES256', use: 'sig' };
      keys.set(issuer, { sign: pair.privateKey, jwk });
    }
    return new TokenMint(keys, (await generateKeyPair('ES256')).privateKey);
  }

  /** The public keys of an issuer as JWKS. */
  jwks(issuer: string): { readonly keys: readonly JWK[] } {
    return { keys: [this.#keyOf(issuer).jwk] };
  }

  /** The signed token; equal requests give the same text. */
  sign(token: TokenRequest): Promise<string> {
    const key = JSON.stringify(token);
    const minted = this.#minted.get(key) ?? this.#sign(token);
    this.#minted.set(key, minted);
    return minted;
  }

  #sign({ claims, invalid }: TokenRequest): Promise<string> {
    const { sign, jwk } = this.#keyOf(String(claims['iss']));
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now - 7200, exp: invalid === 'expired' ? now - 3600 : now + 86_400 };
    return new SignJWT({ ...claims, ...times })
      .setProtectedHeader({ alg: 'ES256', kid: String(jwk.kid) })
      .sign(invalid === 'signature' ? this.#foreign : sign);
  }

  #keyOf(issuer: string): IssuerKey {
    const key = this.#keys.get(issuer) ?? [...this.#keys.values()][0];
    if (key === undefined) throw new Error('no issuer has a key');
    return key;
  }
}
