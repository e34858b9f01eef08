/** Values that are accepted everywhere and do not mean what they look like. Source: semantics.md 3.4 to 3.9, 13. */
import { type Context, entriesOf, inPolicy, type MeshCheck } from '../context.ts';
import type { Sighting } from '../finding.ts';

type Written = ReturnType<typeof entriesOf> extends Generator<infer T> ? T : never;

function* values(
  context: Context,
  fields: readonly string[],
  message: (found: Written) => string | undefined,
): Generator<Sighting> {
  for (const found of entriesOf(context, fields)) {
    const text = message(found);
    if (text !== undefined) yield inPolicy(found.written, text, found.entry);
  }
}

/** A `*` that is neither alone, nor first, nor last; or both first and last. */
function hasLiteralStar(text: string): boolean {
  const bare = text.replaceAll(/\{\*\*?\}/g, '');
  const rest = bare.startsWith('*') ? bare.slice(1) : bare.endsWith('*') ? bare.slice(0, -1) : bare;
  return rest.includes('*');
}

const STARRED = [
  'principals',
  'requestPrincipals',
  'hosts',
  'methods',
  'paths',
  'request.headers',
  'request.auth.claims',
  'connection.sni',
];

/** Checks of single values. */
export const SPELLING: readonly MeshCheck[] = [
  {
    code: 'authz/spiffe-prefix',
    severity: 'error',
    title: 'a principal begins with `spiffe://`',
    resolution:
      'Istio puts `spiffe://` before every value of `principals` itself, so a value that already has it is compared with a doubled scheme and matches nobody: an ALLOW rule grants nothing, a DENY rule stops nothing, and no tool of the cluster refuses it. Write the identity without the scheme: `trading.local/ns/trading/sa/order`.',
    find: (context) =>
      values(context, ['principals'], ({ text }) =>
        text.includes('spiffe://')
          ? `principal \`${text}\`: \`spiffe://\` is doubled by Istio, so this matches nobody`
          : undefined,
      ),
  },
  {
    code: 'authz/inner-star',
    severity: 'error',
    title: 'a `*` stands where it is an ordinary character',
    resolution:
      'Only a leading or a trailing `*` is a wildcard, and never both at once; anywhere else Istio compares the character literally, so `/a/*/c` matches only the path that really holds a star. For paths use the templates `{*}` (one segment) and `{**}` (any number); for all other fields list the values. In `namespaces` and `trustDomains` inner stars are wildcards and are not reported.',
    find: (context) =>
      values(context, STARRED, ({ text, field }) =>
        hasLiteralStar(text) ? `${field.field} \`${text}\`: the inner \`*\` is compared literally` : undefined,
      ),
  },
  {
    code: 'authz/lower-case-method',
    severity: 'error',
    title: 'an HTTP method is not in capitals',
    resolution:
      'Methods are compared with their case, and HTTP methods are sent in capitals: `post` matches no request. Write `POST`.',
    find: (context) =>
      values(context, ['methods'], ({ text }) =>
        /[a-z]/.test(text) && !text.includes('/')
          ? `method \`${text}\`: methods are compared with case: expected \`${text.toUpperCase()}\``
          : undefined,
      ),
  },
  {
    code: 'authz/grpc-path-in-methods',
    severity: 'error',
    title: 'a gRPC method stands under `methods`',
    resolution:
      'The field `methods` is the HTTP method, which for gRPC is always `POST`; the gRPC method is the path. Move `/package.Service/Method` to `paths` and write `methods: [POST]`.',
    find: (context) =>
      values(context, ['methods'], ({ text }) =>
        text.includes('/')
          ? `method \`${text}\`: a gRPC method is a path: move it to \`paths\`, with \`methods: [POST]\``
          : undefined,
      ),
  },
  {
    code: 'authz/path-without-slash',
    severity: 'error',
    title: 'a path does not begin with `/`',
    resolution:
      'Every path that reaches a policy begins with `/`; requests without it are refused by the codec. A value such as `package.Service/Method` therefore matches nothing. Begin it with `/`.',
    find: (context) =>
      values(context, ['paths'], ({ text }) =>
        /^[/*{]/.test(text) ? undefined : `path \`${text}\`: paths begin with \`/\`, so this matches nothing`,
      ),
  },
  {
    code: 'authz/path-with-query',
    severity: 'error',
    title: 'a path holds `?` or `#`',
    resolution:
      'Query and fragment are cut off before `paths` is compared (advisory CVE-2020-8595), so a value that holds `?` or `#` matches nothing. Name the path alone.',
    find: (context) =>
      values(context, ['paths'], ({ text }) =>
        /[?#]/.test(text) ? `path \`${text}\`: query and fragment take no part, so this matches nothing` : undefined,
      ),
  },
  {
    code: 'authz/host-without-port-form',
    severity: 'warning',
    title: 'a host is listed without its form with a port',
    resolution:
      'The host of a request includes `:port` when the client sends it, and `shop.example` does not match `shop.example:8443` (advisory ISTIO-SECURITY-2021-008). Under ALLOW such calls are refused; under DENY, or in `notHosts`, they slip through. List both `shop.example` and `shop.example:*`.',
    find: (context) =>
      values(context, ['hosts'], ({ text, field }) => {
        const listed = field.entries.map((entry) => entry.text());
        if (text.includes('*') || text.includes(':') || listed.some((other) => other.startsWith(`${text}:`)))
          return undefined;
        return `host \`${text}\`: \`${text}:<port>\` does not match: list \`${text}:*\` as well`;
      }),
  },
  {
    code: 'authz/request-principal-without-subject',
    severity: 'error',
    title: 'a request principal has no subject',
    resolution:
      'A request principal is `issuer/subject`, split at the last `/`. An issuer alone, such as `https://idp.example`, is split into the issuer `https:/` and the subject `idp.example` and matches no token. Write `https://idp.example/*` for every subject of the issuer.',
    find: (context) =>
      values(context, ['requestPrincipals'], ({ text }) =>
        /^[a-z]+:\/\/[^/]+$/.test(text) && !text.endsWith('*')
          ? `request principal \`${text}\`: no subject: expected \`${text}/*\``
          : undefined,
      ),
  },
  {
    code: 'authz/dotted-service-account',
    severity: 'warning',
    title: 'a service account with a dot is matched loosely by older Istio versions',
    resolution:
      'Before Istio 1.27.9, 1.28.6, 1.29.2 and 1.30 the dot of `serviceAccounts` values was a regular expression that matches any character (CVE-2026-39350), so that `a.b` also admitted `axb`. Use `principals`, or account names without dots, or make sure that every proxy is newer.',
    find: (context) =>
      values(context, ['serviceAccounts'], ({ text }) =>
        text.includes('.') ? `service account \`${text}\`: the dot matches any character on older versions` : undefined,
      ),
  },
];
