/**
 * What an intent means, as formulas. A parameter of a path stands for one segment as Istio's `{*}` takes it; a user is
 * a token with a subject. Between the two bounds lie the requests whose token is refused although nobody asked for one:
 * they may be let through (where no token is looked at) and need not be.
 */
import type { PathPattern, Pattern } from '../../language/authorization.ts';
import { parsePath } from '../../language/parse-pattern.ts';
import type { Listener } from '../listener.ts';
import { ALWAYS, all, type Formula, holds, NEVER, not, some } from '../symbolic/formula.ts';
import { claimTest } from '../symbolic/rules.ts';
import type { SymbolicTokenOutcome } from '../symbolic/token.ts';
import type { Grant, User } from './intent.ts';
import { areNetworkOnly } from './network-only.ts';

/** The declared calls of one port. */
export interface Declared {
  /** Nothing beyond it may be allowed. */
  readonly atMost: Formula;
  /** All of it must be allowed. */
  readonly atLeast: Formula;
  /** What each grant alone asks for, in their order. */
  readonly each: () => readonly { readonly grant: Grant; readonly atLeast: Formula }[];
}

/** The meaning of the grants of one port, whose proxy reads claims as `token` says; where they leave it to NetworkPolicy, the proxy may let everything through. */
export function declared(
  grants: readonly Grant[],
  listener: Listener,
  token: Pick<SymbolicTokenOutcome, 'readings'>,
): Declared {
  const splits = new Set(token.readings.flatMap((reading) => [...reading.splits]));
  const users = grants.flatMap(({ user }) => (user === null ? [] : [user]));
  const noToken = not(holds({ on: 'token', is: 'present' }));
  const harmless = some([
    noToken,
    ...users.map((user) => all([valid({ ...user, claims: [] }, splits), not(holds({ on: 'fault', is: 'audience' }))])),
  ]);
  const bounded = (grant: Grant, user: User) => {
    const call = callsOf([grant]);
    return {
      atMost: all([call, valid(user, splits)]),
      atLeast: all([call, valid(user, splits), not(holds({ on: 'fault', is: 'audience' }))]),
    };
  };
  // both bounds share the calls that ask for no user, so that their diagrams are made once
  const withoutUser = callsOf(grants.filter(({ user }) => user === null));
  const asUser = grants.flatMap((grant) => (grant.user === null ? [] : [bounded(grant, grant.user)]));
  return {
    atMost: areNetworkOnly(grants, listener) ? ALWAYS : some([withoutUser, ...asUser.map(({ atMost }) => atMost)]),
    atLeast: some([all([withoutUser, harmless]), ...asUser.map(({ atLeast }) => atLeast)]),
    each: () =>
      grants.map((grant) => ({
        grant,
        atLeast: grant.user === null ? all([callsOf([grant]), harmless]) : bounded(grant, grant.user).atLeast,
      })),
  };
}

/** The calls of some grants, whoever their users are: by caller, then by method, since they have much in common. */
function callsOf(grants: readonly Grant[]): Formula {
  const byCaller = groupBy(grants, ({ caller }) => (caller.kind === 'identity' ? caller.identity : caller.kind));
  return some(
    byCaller.map((own) => {
      const byMethod = groupBy(own, ({ http }) => http?.method);
      return all([whoCalls(own), some(byMethod.map(whatIsCalled))]);
    }),
  );
}

function whoCalls([grant]: readonly Grant[]): Formula {
  if (grant === undefined || grant.caller.kind === 'node') return NEVER;
  if (grant.caller.kind === 'internet') return ALWAYS;
  return holds({ on: 'peer', pattern: { kind: 'principal', pattern: exact(grant.caller.identity) } });
}

/** Grants of one method; those without HTTP are for any bytes. */
function whatIsCalled(grants: readonly Grant[]): Formula {
  const method = grants[0]?.http?.method;
  if (method === undefined) return ALWAYS;
  const paths = grants.flatMap(({ http }) =>
    http === null ? [] : [holds({ on: 'path', pattern: pathOf(http.path) })],
  );
  return all([HTTP, holds({ on: 'method', pattern: exact(method) }), some(paths)]);
}

const HTTP = all([holds({ on: 'bytes', is: 'http' }), holds({ on: 'acceptedPath' })]);

function groupBy<T>(values: readonly T[], keyOf: (value: T) => string | undefined): readonly (readonly T[])[] {
  return [...Map.groupBy(values, keyOf).values()];
}

const exact = (value: string): Pattern => ({ kind: 'exact', value });

function pathOf(path: string): PathPattern {
  if (!path.includes('{')) return exact(path);
  return parsePath(path.replace(/\{[^/}]*\}/g, '{*}'));
}

/** When the token is the user's: signed and in time, of the issuer, for an audience, with a subject and every claim. */
function valid(user: User, splits: ReadonlySet<string>): Formula {
  const claim = (name: string, values: readonly string[]) =>
    some(values.map((value) => holds(claimTest([name], exact(value), splits.has(name) ? 'words' : 'whole'))));
  return all([
    holds({ on: 'token', is: 'present' }),
    holds({ on: 'issuer', pattern: exact(user.issuer) }),
    not(holds({ on: 'fault', is: 'expired' })),
    not(holds({ on: 'fault', is: 'signature' })),
    some(user.audiences.map((value) => holds(claimTest(['aud'], exact(value), 'whole')))),
    holds(claimTest(['sub'], { kind: 'nonEmpty' }, splits.has('sub') ? 'words' : 'whole')),
    ...user.claims.map(({ claim: name, values }) => claim(name, values)),
  ]);
}
