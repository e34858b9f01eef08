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
  readonly http: { readonly method: string; readonly path: string };
  readonly grpc: boolean;
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
export const concretePath = (template: string): string => template.replaceAll(/\{[^}]*\}/g, 'probe');

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

function scopeOf(intent: DeclaredIntent, callee: string, path: string): string | null {
  const grant = intent.grants.find((each) => each.callee.workload === callee && each.http?.path === path);
  return grant?.user?.claims.find(({ claim }) => claim === 'scope')?.values[0] ?? null;
}

function methodsOf(service: ServiceDeclaration, intent: DeclaredIntent): readonly MatrixMethod[] {
  const place = { callee: service.name, namespace: service.namespace };
  return service.contracts.flatMap((contract): MatrixMethod[] => {
    if (contract.kind === 'tcp') return [];
    const at = { ...place, port: contract.port };
    if (contract.kind === 'http') {
      const routes = contract.routes.map(({ method, path }) => ({
        ...at,
        http: { method, path: concretePath(path) },
        grpc: false,
        scope: scopeOf(intent, service.name, path),
      }));
      return [...routes, { ...at, http: { method: 'GET', path: '/unknown' }, grpc: false, scope: null }];
    }
    const declared = contract.services.flatMap((each) => Object.values(each.methods).map((method) => method.path));
    const unknown = contract.services.map((each) => `/${each.typeName}/NoSuchMethod`);
    return [...declared, ...unknown, reflection].map((path) => ({
      ...at,
      http: { method: 'POST', path },
      grpc: true,
      scope: scopeOf(intent, service.name, path),
    }));
  });
}

/** Every method of every service of this repository, an unknown one of each, and reflection. */
export function methods(intent: DeclaredIntent): readonly MatrixMethod[] {
  return catalog.filter((service) => service.kind === 'service').flatMap((service) => methodsOf(service, intent));
}

const tokenStates: readonly TokenState[] = ['none', 'valid', 'expired', 'wrongAudience', 'wrongKey', 'missingScope'];

/** All cells. A method that asks for no user is probed without a token only. */
export function cells(intent: DeclaredIntent): readonly Cell[] {
  return callers(intent.trustDomain).flatMap((caller) =>
    methods(intent).flatMap((method) =>
      (method.scope === null ? (['none'] as const) : tokenStates).map((token) => ({ caller, method, token })),
    ),
  );
}

/** The cell as a call of the reference meaning: whatever is not valid counts as absent. */
export function callOf(
  { caller, method, token }: Cell,
  user: { readonly issuer: string; readonly audience: string },
): Call {
  return {
    spiffeId: caller.credential.kind === 'svid' ? caller.credential.spiffeId : null,
    callee: { namespace: method.namespace, workload: method.callee },
    port: method.port,
    http: method.http,
    token: token === 'valid' ? { ...user, claims: { scope: method.scope ?? '' } } : null,
  };
}
