/** The differential over random policy sets: batches of sets behind one Envoy each. */
import { Draw } from '../../support/draw.ts';
import { writeCandidate } from './candidate.ts';
import { agrees, agreesFully, type BatchResult, type Judged, judge, namesSameRule } from './judge.ts';
import type { Laboratory } from './laboratory.ts';
import { issuers, randomRequests, randomSet } from './random-set.ts';
import { shrink } from './shrink.ts';
import { setStage } from './stage.ts';
import { TokenMint } from './tokens.ts';
import { compareWebhook } from './webhook.ts';

/** How much is tried. */
export interface Extent {
  readonly sets: number;
  /** Requests a set. */
  readonly requests: number;
  readonly seed: number;
}

/** What the random sets gave. */
export interface RandomResult {
  readonly decisions: number;
  readonly policies: number;
  readonly allowed: number;
  readonly disagreements: number;
  /** Decisions with the same verdict, on which Envoy told another layer or status. */
  readonly otherLayers: number;
  /** Decisions on which both name a rule, but not the same. */
  readonly otherRules: number;
  /** Documents on which a gate and our validation disagree. */
  readonly gates: number;
  readonly seconds: number;
}

const setsAtOnce = 40;
/** Of one kind of disagreement the first is shrunk: shrinking is live and slow. */
const mostShrunk = 6;

const kindOf = ({ seen, decided }: Judged): string =>
  `${seen.verdict} by ${seen.layer} ${seen.http}; decided ${decided.verdict} by ${decided.layer} ${decided.status?.http}`;

/** Runs the differential; everything on which the two sides disagree is told and kept below `folder`. */
export async function runRandomSets(
  laboratory: Laboratory,
  extent: Extent,
  options: { readonly folder: string; readonly tell: (line: string) => void },
): Promise<RandomResult> {
  const tokens = await TokenMint.create(issuers);
  await setStage(laboratory);
  const begun = performance.now();
  const seen = new Set<string>();
  let total = { decisions: 0, policies: 0, allowed: 0, disagreements: 0, otherLayers: 0, otherRules: 0, gates: 0 };
  const report = async ({ judged, gates }: BatchResult) => {
    for (const gate of gates) options.tell(`gate: ${gate}`);
    for (const found of judged.filter((each) => !agrees(each))) {
      const kind = kindOf(found);
      if (seen.has(kind) || seen.size >= mostShrunk) continue;
      seen.add(kind);
      const small = await shrink(laboratory, tokens, found);
      const target = writeCandidate(options.folder, `seed-${extent.seed}-${seen.size}`, small);
      options.tell(`disagreement: Envoy ${kindOf(small)}: ${small.decided.because}`);
      options.tell(`  policies ${JSON.stringify(small.set.policies)}`);
      options.tell(`  request ${JSON.stringify(small.request)}`);
      options.tell(`  kept as ${target}`);
    }
    const layer = judged.find((each) => agrees(each) && !agreesFully(each));
    if (layer !== undefined) options.tell(`same verdict, other layer or status: Envoy ${kindOf(layer)}`);
  };
  for (let first = 0; first < extent.sets; first += setsAtOnce) {
    const trials = Array.from({ length: Math.min(setsAtOnce, extent.sets - first) }, (_, index) => {
      const draw = new Draw(extent.seed * 1_000_003 + first + index);
      const set = randomSet(draw, tokens);
      return {
        set,
        requests: (ipOf: Parameters<typeof randomRequests>[2]) => randomRequests(draw, extent.requests, ipOf),
      };
    });
    const policies = trials.flatMap(({ set }) => set.policies);
    const webhook = await compareWebhook(laboratory.binaries.istioctl, laboratory.folder, policies);
    const batch = await judge(laboratory, tokens, trials);
    const gates = [...batch.gates, ...webhook];
    await report({ judged: batch.judged, gates });
    total = {
      decisions: total.decisions + batch.judged.length,
      policies: total.policies + policies.length,
      allowed: total.allowed + batch.judged.filter((each) => each.seen.verdict === 'allow').length,
      disagreements: total.disagreements + batch.judged.filter((each) => !agrees(each)).length,
      otherLayers: total.otherLayers + batch.judged.filter((each) => agrees(each) && !agreesFully(each)).length,
      otherRules: total.otherRules + batch.judged.filter((each) => !namesSameRule(each)).length,
      gates: total.gates + gates.length,
    };
    const seconds = (performance.now() - begun) / 1000;
    options.tell(
      `${Math.min(first + setsAtOnce, extent.sets)} of ${extent.sets} sets, ${total.decisions} decisions, ${total.disagreements} disagreements, ${Math.round(total.decisions / seconds)}/s`,
    );
  }
  return { ...total, seconds: (performance.now() - begun) / 1000 };
}
