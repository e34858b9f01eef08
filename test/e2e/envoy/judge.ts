import { type Answer, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import type { Laboratory } from './laboratory.ts';
import type { Observation } from './observation.ts';
import type { PolicySet } from './random-set.ts';
import type { RequestJson } from './request-json.ts';
import { addressOf, carriesHttp, deciderOf, type Translated, translate } from './stage.ts';
import type { TokenMint } from './tokens.ts';

/** What Envoy and the engine say of one request under one set. */
export interface Judged {
  readonly set: PolicySet;
  readonly request: RequestJson;
  readonly seen: Observation;
  readonly decided: Answer;
}

/** A set with the requests that are made of it, once the addresses of its slot are known. */
export interface Trial {
  readonly set: PolicySet;
  readonly requests: (ipOf: (workload: { namespace: string; workload: string }) => string) => readonly RequestJson[];
}

/** What a batch gave. */
export interface BatchResult {
  readonly judged: readonly Judged[];
  readonly gates: readonly string[];
}

/** True iff verdict, layer and status are the same; a rule that Envoy names is compared apart. */
export const agreesFully = ({ seen, decided }: Judged): boolean =>
  seen.verdict === decided.verdict && seen.layer === decided.layer && seen.http === (decided.status?.http ?? null);

/**
 * True iff the verdict is the same, and layer and status are where Envoy settles them. It does not in two places: which
 * of several layers closed a connection depends on what reached the log first; and when several rules share the token's
 * issuer, whose fault gives the status depends on the order of a hash map.
 */
export function agrees(judged: Judged): boolean {
  const { seen, decided } = judged;
  if (agreesFully(judged)) return true;
  if (seen.verdict !== 'deny' || decided.verdict !== 'deny') return false;
  if (seen.http === null) return (decided.status?.http ?? null) === null;
  return seen.layer === 'request-authentication' && decided.layer === seen.layer && sharesIssuer(judged);
}

function sharesIssuer({ set, request }: Judged): boolean {
  const rules = set.policies
    .filter(({ kind }) => kind === 'RequestAuthentication')
    .flatMap(
      (policy) => (policy['spec'] as { readonly jwtRules?: readonly { readonly issuer?: string }[] }).jwtRules ?? [],
    );
  return rules.filter(({ issuer }) => issuer === request.jwt?.claims['iss']).length > 1;
}

/** True iff not both name a rule, or both the same; an AUDIT rule, which Envoy names too, decides nothing. */
export const namesSameRule = ({ seen, decided }: Judged): boolean =>
  seen.policy === null || decided.policy === null || (seen.policy === decided.policy && seen.rule === decided.rule);

/** Translates every set, serves all of them with one Envoy, and asks both sides every request. */
export async function judge(laboratory: Laboratory, tokens: TokenMint, trials: readonly Trial[]): Promise<BatchResult> {
  const translated: Translated[] = [];
  for (const [slot, { set }] of trials.entries()) translated.push(await translate(laboratory, set, slot));
  const asked = trials.flatMap((trial, slot) => {
    const set = translated[slot]?.set ?? trial.set;
    const decider = deciderOf(set, tokens);
    return trial
      .requests((workload) => addressOf(slot, workload))
      .map((json) => {
        const request = parseRequest(json);
        if (!request.ok) throw new Error(JSON.stringify(request.problems));
        const decided = toAnswer(request.value, decider.forWorkload(request.value.destination).decide(request.value));
        return { set, request: json, decided };
      });
  });
  const placed = translated.flatMap((each) => each.placed);
  const observed = await laboratory.observe(placed, { tokens, carriesHttp }, asked, 'td');
  const judged = asked.flatMap((each, index) => {
    const seen = observed[index];
    return seen === undefined ? [] : [{ ...each, seen }];
  });
  return { judged, gates: translated.flatMap((each) => each.gates) };
}
