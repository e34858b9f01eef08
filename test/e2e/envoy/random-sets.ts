/** The differential over random policy sets: batches of sets behind one Envoy each. */
import { Draw } from '../../support/draw.ts';
import { writeCandidate } from './candidate.ts';
import { Coverage } from './coverage.ts';
import { concur, describeOpinion, GateCounts, type Opinion } from './gates.ts';
import {
  agrees,
  agreesFully,
  isConditional,
  type Judged,
  judge,
  namesSameRule,
  type Prepared,
  prepare,
  type Trial,
} from './judge.ts';
import type { KubernetesObject } from './kubernetes-client.ts';
import type { Laboratory } from './laboratory.ts';
import { RandomRequests } from './random-requests.ts';
import { issuers, randomSet } from './random-set.ts';
import { shrink } from './shrink.ts';
import { setStage } from './stage.ts';
import { TokenMint } from './tokens.ts';
import { compareWebhook } from './webhook.ts';

/** How much is tried. */
export interface Extent {
  /** The number of the first set: a set is the same whatever was run before it. */
  readonly first: number;
  readonly sets: number;
  /** Requests a set; those that can but have the answer of another one are not sent, and not counted. */
  readonly requests: number;
  readonly seed: number;
}

/** What was compared, by outcome. */
export interface Totals {
  readonly sets: number;
  readonly policies: number;
  readonly decisions: number;
  /** Not compared, since the engine names what it does not model of them. */
  readonly conditional: number;
  readonly allowed: number;
  readonly disagreements: number;
  /** Decisions with the same verdict, on which Envoy told another layer or status. */
  readonly otherLayers: number;
  /** Decisions on which both name a rule, but not the same. */
  readonly otherRules: number;
}

/** What the random sets gave. */
export interface RandomResult extends Totals {
  readonly seconds: number;
  readonly coverage: Coverage;
  readonly gates: GateCounts;
}

const none: Totals = {
  sets: 0,
  policies: 0,
  decisions: 0,
  conditional: 0,
  allowed: 0,
  disagreements: 0,
  otherLayers: 0,
  otherRules: 0,
};

const setsAtOnce = 40;
/** Of one kind of disagreement the first is shrunk: shrinking is live and slow. */
const mostShrunk = 6;

const kindOf = ({ seen, decided }: Judged): string =>
  `${seen.verdict} by ${seen.layer} ${seen.http}; decided ${decided.verdict} by ${decided.layer} ${decided.status?.http}`;

interface Telling {
  readonly folder: string;
  readonly tell: (line: string) => void;
}

/** Runs the differential; everything on which the two sides disagree is told and kept below `folder`. */
export async function runRandomSets(laboratory: Laboratory, extent: Extent, telling: Telling): Promise<RandomResult> {
  const tokens = await TokenMint.create(issuers);
  await setStage(laboratory);
  const run = new Run(laboratory, tokens, extent, telling);
  return run.all();
}

/** A batch that istiod has translated, and what the other gate says of its documents. */
interface Batch {
  readonly prepared: readonly Prepared[];
  readonly webhook: readonly Opinion[];
  readonly policies: readonly KubernetesObject[];
}

class Run {
  readonly #laboratory: Laboratory;
  readonly #tokens: TokenMint;
  readonly #extent: Extent;
  readonly #telling: Telling;
  readonly #coverage = new Coverage();
  readonly #gates = new GateCounts();
  readonly #disagreements = new Map<string, Judged>();
  readonly #begun = performance.now();
  #totals = none;

  constructor(laboratory: Laboratory, tokens: TokenMint, extent: Extent, telling: Telling) {
    this.#laboratory = laboratory;
    this.#tokens = tokens;
    this.#extent = extent;
    this.#telling = telling;
  }

  /** While one batch is driven, istiod translates the next. */
  async all(): Promise<RandomResult> {
    const firsts = Array.from({ length: Math.ceil(this.#extent.sets / setsAtOnce) }, (_, batch) => batch * setsAtOnce);
    let ready = await this.#prepare(firsts[0] ?? 0);
    for (const first of firsts.slice(1)) [ready] = await Promise.all([this.#prepare(first), this.#judge(ready)]);
    await this.#judge(ready);
    await this.#shrinkAll();
    return { ...this.#totals, seconds: this.#seconds, coverage: this.#coverage, gates: this.#gates };
  }

  get #seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  #trials(first: number): readonly Trial[] {
    const { first: begin, sets, requests, seed } = this.#extent;
    return Array.from({ length: Math.min(setsAtOnce, sets - first) }, (_, index) => {
      const draw = new Draw(seed * 1_000_003 + begin + first + index);
      const set = randomSet(draw, this.#tokens);
      const drawRequests: Trial['requests'] = (ipOf) => {
        const random = new RandomRequests(draw, ipOf);
        return Array.from({ length: requests }, (_, request) => random.next(`r${request}`));
      };
      return { set, requests: drawRequests };
    });
  }

  async #prepare(first: number): Promise<Batch> {
    const { binaries, folder } = this.#laboratory;
    const trials = this.#trials(first);
    const policies = trials.flatMap(({ set }) => set.policies);
    const [webhook, prepared] = await Promise.all([
      compareWebhook(binaries.istioctl, folder, [...policies, ...trials.flatMap(({ set }) => set.offered)]),
      prepare(this.#laboratory, trials),
    ]);
    return { prepared, webhook, policies };
  }

  async #judge({ prepared, webhook, policies }: Batch): Promise<void> {
    const all = await judge(this.#laboratory, this.#tokens, prepared);
    const judged = all.filter((each) => !isConditional(each));
    const sets = prepared.map(({ translated }) => translated.set);
    for (const set of sets) this.#coverage.addSet(set);
    for (const each of judged) this.#coverage.addDecision(each);
    const count = (holds: (each: Judged) => boolean) => judged.filter(holds).length;
    const total = this.#totals;
    this.#totals = {
      sets: total.sets + prepared.length,
      policies: total.policies + policies.length,
      decisions: total.decisions + judged.length,
      conditional: total.conditional + all.length - judged.length,
      allowed: total.allowed + count(({ seen }) => seen.verdict === 'allow'),
      disagreements: total.disagreements + count((each) => !agrees(each)),
      otherLayers: total.otherLayers + count((each) => agrees(each) && !agreesFully(each)),
      otherRules: total.otherRules + count((each) => !namesSameRule(each)),
    };
    const opinions = [...prepared.flatMap(({ translated }) => translated.gates), ...webhook];
    for (const opinion of opinions) this.#gates.add(opinion);
    for (const opinion of opinions.filter((each) => !concur(each))) this.#telling.tell(describeOpinion(opinion));
    this.#report(judged);
  }

  #report(judged: readonly Judged[]): void {
    const { folder, tell } = this.#telling;
    for (const found of judged.filter((each) => !agrees(each))) {
      const kind = kindOf(found);
      if (this.#disagreements.has(kind)) continue;
      this.#disagreements.set(kind, found);
      const target = writeCandidate(folder, this.#nameOf(kind), found);
      tell(`disagreement: Envoy ${kind}: ${found.decided.because}: kept as ${target}`);
    }
    const layer = judged.find((each) => agrees(each) && !agreesFully(each));
    if (layer !== undefined) tell(`same verdict, other layer or status: Envoy ${kindOf(layer)}`);
    const { sets, decisions, disagreements } = this.#totals;
    const rate = `${Math.round(decisions / this.#seconds)}/s`;
    tell(`${sets} of ${this.#extent.sets} sets, ${decisions} decisions, ${disagreements} disagreements, ${rate}`);
  }

  #nameOf = (kind: string): string => `seed-${this.#extent.seed}-${[...this.#disagreements.keys()].indexOf(kind) + 1}`;

  async #shrinkAll(): Promise<void> {
    const { folder, tell } = this.#telling;
    for (const [kind, found] of [...this.#disagreements].slice(0, mostShrunk)) {
      const small = await shrink(this.#laboratory, this.#tokens, found);
      const target = writeCandidate(folder, this.#nameOf(kind), small);
      tell(`disagreement: Envoy ${kindOf(small)}: ${small.decided.because}`);
      tell(`  policies ${JSON.stringify(small.set.policies)}`);
      tell(`  request ${JSON.stringify(small.request)}`);
      tell(`  kept as ${target}`);
    }
  }
}
