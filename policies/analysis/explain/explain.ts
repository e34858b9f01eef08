/** Explains one decision: every layer, the rules that nearly matched, and the smallest change. Read this file first. */
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import type { ParseOptions } from '../../language/parse.ts';
import { waysOf } from '../ambient/ways.ts';
import { toAnswer } from '../answer.ts';
import { shownBy } from '../connection.ts';
import { decideHops, decideNaively } from '../naive.ts';
import type { Profile } from '../profile.ts';
import type { Request } from '../request.ts';
import { hopsOf } from '../routing/follow.ts';
import type { IssuerKeys } from '../token.ts';
import type { Verdict } from '../verdict.ts';
import { type Call, resolveCall, withPods } from '../world.ts';
import { changesOf } from './changes.ts';
import type { Explanation, LayerReport, NearMiss } from './explanation.ts';
import { type HopLayer, layersOfWay } from './layers.ts';
import { candidatesOf, nearMiss } from './near-miss.ts';
import { networkMisses } from './network-miss.ts';
import { type Situation, situationOf } from './situation.ts';

/** What an explanation starts from: the mesh and the documents that it was parsed from, with the same options. */
export interface ExplainInput {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly parseOptions: ParseOptions;
  readonly profile: Profile;
  readonly issuerKeys: IssuerKeys;
}

/** Near-misses that are reported. */
const NEAR_MISSES = 3;

/**
 * Explains the verdict of one request whose workloads exist (`Decider.check`).
 * INVARIANT: the first layer that stops the call agrees with the evaluator's verdict; a disagreement throws.
 */
export function explain(input: ExplainInput, request: Request): Explanation {
  const { mesh, profile, issuerKeys } = input;
  const world = withPods({ mesh, profile, issuerKeys }, request.pods ?? []);
  const decided = (asked: Request) => decideNaively(world, asked);
  const verdict = decided(request);
  const call = resolveCall(world, request);
  const way = takenWay(call).map((hop) => situationOf(hop, input.documents));
  const layers = layersOfWay(way);
  if (layers.every(({ layer }) => layer.outcome !== 'stops') !== verdict.allowed)
    throw new Error(`the layers and the evaluator disagree about request \`${request.id}\``);
  const refusing = layers.find(({ layer }) => layer.layer === 'allow' && layer.outcome === 'stops')?.situation;
  const { changes, advice } = changesOf(situationOf(call, input.documents), layers, input.parseOptions);
  return {
    version: 1,
    answer: toAnswer(request, verdict, verdict.allowed ? hopsOf(world, request, decided) : []),
    caller: callerText(request),
    destination: `${request.destination.namespace}/${request.destination.workload}:${request.destination.port}`,
    operation: request.http === null ? 'raw TCP' : `${request.http.method} ${request.http.path}`,
    layers: layers.map(({ layer }) => layer),
    nearMisses: [
      ...layers.flatMap(({ layer, situation }) => networkMissesAt(layer, situation).slice(0, NEAR_MISSES)),
      ...(refusing === undefined ? [] : candidatesOf(refusing).slice(0, NEAR_MISSES).map(nearMiss)),
    ],
    changes,
    advice: [...advice, ...repairedPath(request, layers, decided)],
  };
}

function networkMissesAt({ layer, outcome }: LayerReport, situation: Situation): readonly NearMiss[] {
  if (outcome !== 'stops') return [];
  if (layer === 'source-network-policy') return networkMisses(situation, 'egress');
  return layer === 'destination-network-policy' ? networkMisses(situation, 'ingress') : [];
}

/** What becomes of a call whose path the codec refuses, once the path begins with a slash. */
function repairedPath(
  request: Request,
  layers: readonly HopLayer[],
  decide: (request: Request) => Verdict,
): readonly string[] {
  const { http } = request;
  const refused = layers.some(({ layer }) => layer.layer === 'codec' && layer.outcome === 'stops');
  if (!refused || http === null || http.path.startsWith('/')) return [];
  const path = `/${http.path}`;
  const { allowed, layer } = decide({ ...request, http: { ...http, path } });
  const then = allowed ? 'it is allowed' : `${layer === 'none' ? 'the codec' : layer} stops it: explain that call`;
  return [`with the path \`${path}\` ${then}`];
}

/** The way that names the verdict: the first that is open, else the first. */
function takenWay(call: Call): readonly Call[] {
  const ways = waysOf(call);
  return ways.find((way) => decideHops(way).allowed) ?? ways[0] ?? [call];
}

function callerText({ caller }: Request): string {
  if (caller.kind === 'plaintext') return 'plaintext caller';
  if (caller.kind === 'mtls')
    return (
      shownBy(caller)
        .filter((text) => text !== '')
        .join(', ') || 'a certificate without identity'
    );
  return `${caller.reference.namespace}/${caller.reference.workload}`;
}
