import type { TokenRequest } from './tokens.ts';

/** A request in the JSON format of `meshwright decide`, as far as one proxy sees it. */
export interface RequestJson {
  readonly id: string;
  readonly source: {
    /** URI names of the client certificate in their order; null for plaintext. */
    readonly principal: readonly string[] | null;
    readonly ip: string;
    readonly remoteIp?: string;
  };
  readonly destination: {
    readonly namespace: string;
    readonly workload: string;
    readonly port: number;
    readonly ip: string;
  };
  readonly http: {
    readonly method: string;
    readonly path: string;
    readonly host: string;
    readonly headers: Readonly<Record<string, readonly string[]>>;
  } | null;
  readonly jwt: TokenRequest | null;
  readonly sni: string;
}
