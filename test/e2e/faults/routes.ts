/** Edits of routes: an Envoy at the caller delays the calls of one method, as a slow network would. */

interface Route {
  readonly match?: readonly { readonly uri?: { readonly exact?: string } }[];
}

/** The edit of a VirtualService that delays `method` by `delay` (`0.5s`). Errors: throws when it has no such route. */
export function delaying(method: string, delay: string): (spec: Record<string, unknown>) => Record<string, unknown> {
  return ({ http }) => {
    const routes = (http ?? []) as readonly Route[];
    if (!routes.some((route) => isFor(route, method))) throw new Error(`no route for ${method}`);
    const fault = { delay: { percentage: { value: 100 }, fixedDelay: delay } };
    return { http: routes.map((route) => (isFor(route, method) ? { ...route, fault } : route)) };
  };
}

const isFor = ({ match }: Route, method: string): boolean => match?.some(({ uri }) => uri?.exact === method) ?? false;
