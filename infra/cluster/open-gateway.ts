/** The gateway of a running cluster as clients see it: its port on this machine, its authority, tokens of users. */
import { join } from 'node:path';
import { kind } from '../environments/kind.ts';
import { mintUserToken, signingKeyName } from '../local/keys.ts';
import { openTradingApi, type TradingApi } from '../local/trading-api.ts';
import type { MintToken } from '../local/trading-desk.ts';
import type { ClusterAccess } from './access.ts';
import { ClusterError } from './cluster-error.ts';

/** Where the gateway is reached, and the repository whose development keys sign tokens. */
export interface GatewayPlace {
  readonly root: string;
  readonly host: string;
  /** On this machine's loopback. */
  readonly port: number;
}

/** An open gateway; whoever opened it closes `api`. */
export interface OpenGateway {
  readonly api: TradingApi;
  readonly mint: MintToken;
  /** The authority of the gateway's certificate as PEM. */
  readonly ca: string;
  /** The private key of `mint`. */
  readonly keyFile: string;
}

/** Where kind maps the gateway's port to. */
export const gatewayAddress = '127.0.0.1';

const namespace = 'istio-ingress';
const credential = kind.ingress.credentialName;

/** Opens the gateway, trusting the authority that the cluster holds. Errors: ClusterError when it holds none. */
export async function openGateway(access: ClusterAccess, { root, host, port }: GatewayPlace): Promise<OpenGateway> {
  const ca = (await access.tryFindSecret(namespace, credential))?.get('ca.crt');
  if (ca === undefined)
    throw new ClusterError(`Secret ${namespace}/${credential} has no ca.crt`, ['run `make up` again']);
  const keys = join(root, '.meshwright', 'keys');
  return {
    api: openTradingApi({ baseUrl: `https://${host}:${port}`, address: gatewayAddress, ca }),
    mint: (subject, accounts, scopes) => mintUserToken(keys, { subject, accounts, scope: scopes.join(' ') }),
    ca,
    keyFile: join(keys, signingKeyName),
  };
}
