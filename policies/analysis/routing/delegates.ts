/** Routes that a VirtualService leaves to another one. Source: istio `model.mergeVirtualServices`, `mergeHTTPRoute`. */
import type { Mesh } from '../../language/mesh.ts';
import type { HttpMatch, HttpRoute, StringMatch, VirtualService } from '../../language/traffic.ts';
import { labelOf } from '../attachment.ts';

/** A route with the VirtualService that it is written in: names are meant there. */
export interface OwnedRoute {
  readonly route: HttpRoute;
  readonly owner: VirtualService;
  /** Its place among the HTTP routes of its owner. */
  readonly index: number;
}

/** The routes of a VirtualService, delegated ones in their place; those that nobody answers for are left out. */
export function routesOf(mesh: Mesh, root: VirtualService): readonly OwnedRoute[] {
  return root.http.flatMap((route, index): readonly OwnedRoute[] => {
    if (route.delegate === null) return [{ route, owner: root, index }];
    const namespace = route.delegate.namespace === '' ? root.namespace : route.delegate.namespace;
    const delegate = mesh.virtualServices.find(
      (known) => known.hosts.length === 0 && known.namespace === namespace && known.name === route.delegate?.name,
    );
    if (delegate === undefined || !isVisibleTo(delegate, root.namespace)) return [];
    return delegate.http.flatMap((own, at) => {
      const merged = mergeRoute(route, own);
      return merged === undefined ? [] : [{ route: merged, owner: delegate, index: at }];
    });
  });
}

/** True iff `exportTo` shows a VirtualService to a namespace. */
export function isVisibleTo({ exportTo, namespace }: VirtualService, viewer: string): boolean {
  if (exportTo.length === 0 || exportTo.includes('*')) return true;
  if (exportTo.includes('~')) return false;
  return exportTo.some((each) => (each === '.' ? namespace : each) === viewer);
}

function mergeRoute(root: HttpRoute, own: HttpRoute): HttpRoute | undefined {
  const matches = mergeMatches(root.matches, own.matches);
  if (matches === undefined) return undefined;
  const hasRewrite = own.rewrite.uri !== null || own.rewrite.authority !== null || own.regexRewrite !== null;
  const hasHeaders = [own.requestHeaders, own.responseHeaders].some(
    ({ set, add, remove }) => Object.keys(set).length + Object.keys(add).length + remove.length > 0,
  );
  const answer = own.answer ?? (root.answer?.kind === 'directResponse' ? root.answer : null);
  return {
    ...own,
    matches,
    delegate: null,
    answer,
    rewrite: hasRewrite ? own.rewrite : root.rewrite,
    regexRewrite: hasRewrite ? own.regexRewrite : root.regexRewrite,
    timeoutMs: own.timeoutMs ?? root.timeoutMs,
    retries: own.retries ?? root.retries,
    abort: own.abort ?? root.abort,
    mirrors: own.mirrors.length > 0 ? own.mirrors : root.mirrors,
    requestHeaders: hasHeaders ? own.requestHeaders : root.requestHeaders,
    responseHeaders: hasHeaders ? own.responseHeaders : root.responseHeaders,
  };
}

/** Each match of the delegate within some match of the root; undefined where one is within none. */
function mergeMatches(root: readonly HttpMatch[], own: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (root.length === 0) return own;
  if (own.length === 0) return root;
  const merged = own.map((inner) =>
    root.filter((outer) => !conflict(outer, inner)).map((outer) => mergeMatch(outer, inner)),
  );
  return merged.some((found) => found.length === 0) ? undefined : merged.flat();
}

type Named = HttpMatch['headers'];

function mergeMatch(root: HttpMatch, own: HttpMatch): HttpMatch {
  const given = (mine: StringMatch, theirs: StringMatch) => (mine.kind === 'any' ? theirs : mine);
  const both = (mine: Named, theirs: Named): Named => [
    ...theirs.filter(({ name }) => !mine.some((known) => known.name === name)),
    ...mine,
  ];
  return {
    ...own,
    uri: given(own.uri, root.uri),
    scheme: given(own.scheme, root.scheme),
    method: given(own.method, root.method),
    authority: given(own.authority, root.authority),
    headers: both(own.headers, root.headers),
    withoutHeaders: both(own.withoutHeaders, root.withoutHeaders),
    queryParams: both(own.queryParams, root.queryParams),
    port: own.port ?? root.port,
    gateways: own.gateways.length > 0 ? own.gateways : root.gateways,
    sourceLabels: { ...root.sourceLabels, ...own.sourceLabels },
    sourceNamespace: own.sourceNamespace === '' ? root.sourceNamespace : own.sourceNamespace,
  };
}

function conflict(root: HttpMatch, own: HttpMatch): boolean {
  const named = (theirs: Named, mine: Named) =>
    mine.some(({ name, match }) => {
      const other = theirs.find((known) => known.name === name);
      return other !== undefined && clash(other.match, match);
    });
  return (
    clash(root.uri, own.uri) ||
    clash(root.scheme, own.scheme) ||
    clash(root.method, own.method) ||
    clash(root.authority, own.authority) ||
    named(root.headers, own.headers) ||
    named(root.withoutHeaders, own.withoutHeaders) ||
    named(root.queryParams, own.queryParams) ||
    root.ignoreUriCase !== own.ignoreUriCase ||
    (root.port !== null && own.port !== null && root.port !== own.port) ||
    (root.sourceNamespace !== '' && own.sourceNamespace !== root.sourceNamespace) ||
    Object.entries(own.sourceLabels).some(([key, value]) => (labelOf(root.sourceLabels, key) ?? value) !== value) ||
    (root.gateways.length > 0 && own.gateways.some((gateway) => !root.gateways.includes(gateway)))
  );
}

/** True iff the inner test is not surely within the outer one, as istiod sees it. */
function clash(root: StringMatch, own: StringMatch): boolean {
  if (root.kind === 'any' || own.kind === 'any') return false;
  if (root.kind === 'regex' || own.kind === 'regex') return true;
  if (root.kind === 'exact') return own.kind === 'prefix' || own.value !== root.value;
  return !own.value.startsWith(root.value);
}
