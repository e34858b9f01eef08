import { areasOf } from './gates.ts';
import { agrees, type Judged, judge, prepare } from './judge.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import type { Laboratory } from './laboratory.ts';
import type { PolicySet } from './random-set.ts';
import type { RequestJson } from './request-json.ts';
import type { TokenMint } from './tokens.ts';

const mostAttempts = 60;

/** Every value that has one member or element less than `value`, the largest cuts first. */
function* reductions(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const index of value.keys()) yield value.toSpliced(index, 1);
    for (const [index, item] of value.entries()) {
      for (const smaller of reductions(item)) yield value.with(index, smaller);
    }
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    // Without `jwks` the keys would come from the network.
    for (const [name] of members.filter(([each]) => each !== 'jwks'))
      yield Object.fromEntries(members.filter(([other]) => other !== name));
    for (const [name, member] of members) {
      for (const smaller of reductions(member)) yield { ...value, [name]: smaller };
    }
  }
}

/** Documents that a gate would refuse have a meaning of their own: shrinking never leads to more of them. */
const refusals = ({ policies }: PolicySet): number => policies.filter((policy) => areasOf(policy).length > 0).length;

function* smallerSets({ settings, policies, offered }: PolicySet): Generator<PolicySet> {
  for (const index of policies.keys()) yield { settings, offered, policies: policies.toSpliced(index, 1) };
  for (const [index, policy] of policies.entries()) {
    for (const spec of reductions(policy['spec'])) {
      yield { settings, offered, policies: policies.with(index, { ...policy, spec } as KubernetesObject) };
    }
  }
}

function* smallerRequests(request: RequestJson): Generator<RequestJson> {
  if (request.jwt !== null) {
    yield { ...request, jwt: null };
    for (const claims of reductions(request.jwt.claims))
      yield { ...request, jwt: { ...request.jwt, claims: claims as Readonly<Record<string, unknown>> } };
  }
  if (request.http !== null) {
    for (const headers of reductions(request.http.headers))
      yield { ...request, http: { ...request.http, headers: headers as Readonly<Record<string, readonly string[]>> } };
  }
}

/** True iff the two sides part in the same way, so that shrinking does not lead from one fault to another. */
const isAlike = (one: Judged, other: Judged): boolean =>
  one.seen.verdict === other.seen.verdict &&
  one.seen.layer === other.seen.layer &&
  one.decided.verdict === other.decided.verdict &&
  one.decided.layer === other.decided.layer;

/** The smallest disagreement that dropping one thing at a time leads to, within a bounded number of live attempts. */
export async function shrink(laboratory: Laboratory, tokens: TokenMint, found: Judged): Promise<Judged> {
  let attempts = 0;
  let best: Judged = { ...found, set: { ...found.set, offered: [] } };
  const attempt = async (set: PolicySet, request: RequestJson): Promise<Judged | undefined> => {
    attempts += 1;
    const requests = (ipOf: (workload: { namespace: string; workload: string }) => string) => [
      { ...request, destination: { ...request.destination, ip: ipOf(request.destination) } },
    ];
    const judged = await judge(laboratory, tokens, await prepare(laboratory, [{ set, requests }]));
    return judged.find((each) => !agrees(each) && isAlike(each, found));
  };
  const step = async (): Promise<Judged | undefined> => {
    const most = refusals(best.set);
    for (const set of smallerSets(best.set)) {
      if (refusals(set) > most) continue;
      if (attempts >= mostAttempts) return undefined;
      const smaller = await attempt(set, best.request);
      if (smaller !== undefined) return smaller;
    }
    for (const request of smallerRequests(best.request)) {
      if (attempts >= mostAttempts) return undefined;
      const smaller = await attempt(best.set, request);
      if (smaller !== undefined) return smaller;
    }
    return undefined;
  };
  for (let next = await step(); next !== undefined; next = await step()) best = next;
  return best;
}
