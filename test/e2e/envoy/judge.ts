import { type Answer, parseRequest, toAnswer } from '#policies/analysis/index.ts';
import type { Laboratory } from './laboratory.ts';
import type { Observation } from './observation.ts';
import { providerAllows } from './provider.ts';
import type { AddressOf } from './random-requests.ts';
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
  readonly requests: (ipOf: AddressOf) => readonly RequestJson[];
}

/** True iff the engine names a header as not modelled that this request's token gives, so that nothing is compared. */
export const isConditional = ({ decided, request }: Judged): boolean =>
  request.jwt !== null && decided.assumptions.some((text) => text.startsWith('header'));

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
  if (agreesFully(judged) || isConditional(judged)) return true;
  if (seen.verdict !== 'deny' || decided.verdict !== 'deny') return false;
  if (seen.http === null) return (decided.status?.http ?? null) === null;
  return seen.layer === 'request-authentication' && decided.layer === seen.layer && sharesIssuer(judged);
}

/** True iff several rules can blame the token: those of its issuer, and those that take the word Bearer for a token. */
function sharesIssuer({ set, request }: Judged): boolean {
  const rules = set.policies
    .filter(({ kind }) => kind === 'RequestAuthentication')
    .flatMap((policy) => (policy['spec'] as { readonly jwtRules?: readonly JwtRuleJson[] }).jwtRules ?? []);
  const blaming = ({ issuer, fromHeaders = [] }: JwtRuleJson) =>
    issuer === request.jwt?.claims['iss'] || fromHeaders.some(({ name }) => name.toLowerCase() === 'authorization');
  return rules.filter(blaming).length > 1;
}

interface JwtRuleJson {
  readonly issuer?: string;
  readonly fromHeaders?: readonly { readonly name: string }[];
}

/** True iff not both name a rule, or both the same; an AUDIT rule, which Envoy names too, decides nothing. */
export const namesSameRule = ({ seen, decided }: Judged): boolean =>
  seen.policy === null || decided.policy === null || (seen.policy === decided.policy && seen.rule === decided.rule);

/** A trial whose set istiod has translated, with its place in the batch. */
export interface Prepared {
  readonly trial: Trial;
  readonly slot: number;
  readonly translated: Translated;
}

/** Translates every set, one after another: istiod has one configuration at a time. */
export async function prepare(laboratory: Laboratory, trials: readonly Trial[]): Promise<readonly Prepared[]> {
  const prepared: Prepared[] = [];
  for (const [slot, trial] of trials.entries())
    prepared.push({ trial, slot, translated: await translate(laboratory, trial.set, slot) });
  return prepared;
}

const chainOf = ({ http, destination }: RequestJson) =>
  http !== null && carriesHttp(destination.port) ? ('http' as const) : ('tcp' as const);

/** The answer once the provider has spoken: the engine gives it under the assumption that the provider allows. */
function afterProvider(answer: Answer, request: RequestJson): Answer {
  const isAsked = answer.assumptions.some((text) => text.startsWith('CUSTOM provider'));
  if (!isAsked || providerAllows(request, chainOf(request))) return answer;
  const denied = { verdict: 'deny', layer: 'authorization-policy', policy: null, rule: null } as const;
  const status = chainOf(request) === 'http' ? { http: 403, grpc: 7 } : null;
  return { ...answer, ...denied, status, because: 'the CUSTOM provider denies' };
}

function decideAll(
  laboratory: Laboratory,
  tokens: TokenMint,
  { trial, slot, translated: { set } }: Prepared,
): readonly Omit<Judged, 'seen'>[] {
  const decider = deciderOf(set, tokens);
  return trial
    .requests((workload) => addressOf(laboratory, slot, workload))
    .map((json) => {
      const request = parseRequest(json);
      if (!request.ok) throw new Error(JSON.stringify(request.problems));
      const decided = toAnswer(request.value, decider.forWorkload(request.value.destination).decide(request.value));
      return { set, request: json, decided: afterProvider(decided, json) };
    });
}

/** Serves all prepared sets with one Envoy, and asks both sides every request. */
export async function judge(
  laboratory: Laboratory,
  tokens: TokenMint,
  prepared: readonly Prepared[],
): Promise<readonly Judged[]> {
  const asked = prepared.flatMap((each) => decideAll(laboratory, tokens, each));
  const placed = prepared.flatMap(({ translated }) => translated.placed);
  const driver = { tokens, carriesHttp, repeats: 'unsent' } as const;
  const observed = await laboratory.observe(placed, driver, asked, 'td');
  return asked.flatMap((each, index) => {
    const seen = observed[index] ?? null;
    return seen === null ? [] : [{ ...each, seen }];
  });
}
