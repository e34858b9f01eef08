/**
 * The finite matrix of cells that the local mesh is held against: every identity that exists, and some that must never
 * count, times every method of every service, times the states of a user's token where a method asks for one.
 */
import { catalog } from '#services/catalog.ts';
import type { ServiceDeclaration } from '#services/runtime/declaration.ts';
import type { Call, DeclaredIntent } from './meaning.ts';

/** How the caller shows itself: with a valid certificate, with one that must not count, or with none. */
export type Credential =
  | { readonly kind: 'svid'; readonly spiffeId: string }
  | { readonly kind: 'foreignTrustDomain'; readonly spiffeId: string }
  | { readonly kind: 'expired'; readonly spiffeId: string }
  | { readonly kind: 'plaintext' };

/** The state of the user's token. */
export type TokenState = 'none' | 'valid' | 'expired' | 'wrongAudience' | 'wrongKey' | 'missingScope';

/** One row head of the matrix. */
export interface MatrixCaller {
  readonly name: string;
  readonly credential: Credential;
}

/** One column head of the matrix. */
export interface MatrixMethod {
  readonly callee: string;
  readonly namespace: string;
  readonly port: number;
  /** Null for raw bytes on a TCP port. */
  readonly http: { readonly method: string; readonly path: string } | null;
  readonly protocol: 'grpc' | 'http' | 'tcp';
  /** The scope that a user's token must carry, null when no user is asked for. */
  readonly scope: string | null;
}

/** One probe. */
export interface Cell {
  readonly caller: MatrixCaller;
  readonly method: MatrixMethod;
  readonly token: TokenState;
}

const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

/** A concrete path of a template: `/orders/{client_order_id}` gives `/orders/probe`. */
const concretePath = (template: string): string => template.replaceAll(/\{[^}]*\}/g, 'probe');

/** Every caller: the workloads of the catalog and five that must never get in. */
export function callers(trustDomain: string): readonly MatrixCaller[] {
  const idOf = (namespace: string, account: string, domain = trustDomain) =>
    `spiffe://${domain}/ns/${namespace}/sa/${account}`;
  const known = catalog.map((service) => ({
    name: service.name,
    credential: { kind: 'svid', spiffeId: idOf(service.namespace, service.serviceAccount) } as const,
  }));
  return [
    ...known,
    { name: 'stranger', credential: { kind: 'svid', spiffeId: idOf('trading', 'stranger') } },
    { name: 'order in another namespace', credential: { kind: 'svid', spiffeId: idOf('edge', 'order') } },
    {
      name: 'order of another trust domain',
      credential: { kind: 'foreignTrustDomain', spiffeId: idOf('trading', 'order', 'other.example') },
    },
    { name: 'order, certificate expired', credential: { kind: 'expired', spiffeId: idOf('trading', 'order') } },
    { name: 'plaintext', credential: { kind: 'plaintext' } },
  ];
}

function scopeOf(
  intent: DeclaredIntent,
  callee: string,
  http: { readonly method: string; readonly path: string },
): string | null {
  const grant = intent.grants.find(
    (each) => each.callee.workload === callee && each.http?.method === http.method && each.http.path === http.path,
  );
  return grant?.user?.claims.find(({ claim }) => claim === 'scope')?.values[0] ?? null;
}

function methodsOf(service: ServiceDeclaration, intent: DeclaredIntent): readonly MatrixMethod[] {
  return service.contracts.flatMap((contract): readonly MatrixMethod[] => {
    const at = { callee: service.name, namespace: service.namespace, port: contract.port, protocol: contract.kind };
    switch (contract.kind) {
      case 'tcp':
        return [{ ...at, http: null, scope: null }];
      case 'http':
        return [...contract.routes, { method: 'GET', path: '/unknown' }].map(({ method, path }) => ({
          ...at,
          http: { method, path: concretePath(path) },
          scope: scopeOf(intent, service.name, { method, path }),
        }));
      case 'grpc':
        return contract.services.flatMap(({ typeName, methods: declared }) => {
          const paths = Object.values(declared).map((method) => method.path);
          const first = paths[0] ?? '/';
          return [...paths, `/${typeName}/NoSuchMethod`, reflection, first.slice(1)].map((path) => ({
            ...at,
            http: { method: 'POST', path },
            scope: scopeOf(intent, service.name, { method: 'POST', path }),
          }));
        });
      default:
        return unreachable(contract);
    }
  });
}

function unreachable(value: never): never {
  throw new Error(`unexpected member of the matrix: ${JSON.stringify(value)}`);
}

/**
 * Every method of every service of this repository; of each contract an unknown method, reflection and a path without
 * its leading slash; and the ports of stock programs that speak plain TCP.
 */
function methods(intent: DeclaredIntent): readonly MatrixMethod[] {
  return catalog
    .filter(({ kind, contracts }) => kind === 'service' || contracts.every((contract) => contract.kind === 'tcp'))
    .flatMap((service) => methodsOf(service, intent));
}

/** Every state of a user's token. */
const tokenStates: readonly TokenState[] = ['none', 'valid', 'expired', 'wrongAudience', 'wrongKey', 'missingScope'];

/** All cells, with the token states in `states` where a method asks for a user and without a token elsewhere. */
export function cells(intent: DeclaredIntent, states: readonly TokenState[] = tokenStates): readonly Cell[] {
  return callers(intent.trustDomain).flatMap((caller) =>
    methods(intent).flatMap((method) =>
      (method.scope === null ? (['none'] as const) : states).map((token) => ({ caller, method, token })),
    ),
  );
}

/** The name of a method in every report: `execution POST /…/SubmitTrade`, `postgres tcp 5432`. */
export const methodName = ({ callee, http, port }: MatrixMethod): string =>
  http === null ? `${callee} tcp ${port}` : `${callee} ${http.method} ${http.path}`;

/** The name of a cell in every report: `stranger -> execution POST /…/SubmitTrade (token: valid)`. */
export function cellName({ caller, method, token }: Cell): string {
  return `${caller.name} -> ${methodName(method)}${method.scope === null ? '' : ` (token: ${token})`}`;
}

function tokenOf({ method, token }: Cell, user: { readonly issuer: string; readonly audience: string }): Call['token'] {
  switch (token) {
    case 'none':
      return null;
    case 'valid':
      return { ...user, claims: { scope: method.scope ?? '' } };
    case 'missingScope':
      return { ...user, claims: { scope: 'none' } };
    case 'expired':
    case 'wrongAudience':
    case 'wrongKey':
      return 'invalid';
    default:
      return unreachable(token);
  }
}

/** The cell as a call of the reference meaning: a certificate that must not count is none. */
export function callOf(cell: Cell, user: { readonly issuer: string; readonly audience: string }): Call {
  const { caller, method } = cell;
  return {
    spiffeId: caller.credential.kind === 'svid' ? caller.credential.spiffeId : null,
    callee: { namespace: method.namespace, workload: method.callee },
    port: method.port,
    http: method.http,
    token: tokenOf(cell, user),
  };
}
