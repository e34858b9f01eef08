import { join } from 'node:path';
import type { Route, ServiceDeclaration } from '#services/runtime/declaration.ts';
import type { HttpAnswer, HttpRoute, HttpServiceParts, ServiceContext } from '#services/runtime/index.ts';
import { callerDeclaration, socketFolder, started } from './echo.ts';
import { base } from './echo-contract.ts';

/** An answer of JSON. */
export const json = (body: unknown): HttpAnswer => ({ kind: 'json', body });

/** A route, its handler, and more of it. */
export type Served = readonly [Route, HttpRoute['handle'], { readonly timeoutMs?: number }?];

/** A declaration of an HTTP service with these routes. */
export function edge(routes: readonly Route[]): ServiceDeclaration {
  const { calls } = callerDeclaration(5000);
  const contracts = [{ kind: 'http', port: 8080, routes }] as const;
  return { ...base, name: 'edge', serviceAccount: 'edge', contracts, calls };
}

interface EdgeOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly parts?: Partial<HttpServiceParts>;
}

/** Serves routes over HTTP on a socket of its own, until the test ends. */
export async function serve(served: readonly Served[], { env = {}, parts = {} }: EdgeOptions = {}) {
  let context: ServiceContext | undefined;
  const defaults = { LISTEN: `unix:${join(socketFolder(), 'edge.sock')}`, UPSTREAM_ECHO: 'unix:/nowhere.sock' };
  const service = await started(edge(served.map(([route]) => route)), { ...defaults, ...env }, async (given) => {
    context = given;
    return { routes: served.map(([route, handle, more]) => ({ route, handle, ...more })), ...parts };
  });
  if (context === undefined) throw new Error('the edge was not built');
  return { ...service, context };
}
