/** Turns a place where two decisions differ into concrete requests that the concrete evaluator has confirmed. */
import { type Answer, toAnswer } from '../answer.ts';
import { compile, type Decider } from '../compile.ts';
import { parseRequest } from '../parse-request.ts';
import type { Request } from '../request.ts';
import { type Assignment, plainAssignment, tryFindCheapest } from '../symbolic/cheapest.ts';
import type { Node } from '../symbolic/diagram.ts';
import { decodeRequest, encodeRequest, type Reading, type RequestJson } from '../symbolic/sample.ts';
import type { Universe } from '../symbolic/universe.ts';
import type { World } from '../world.ts';
import { UNDECLARED } from './destinations.ts';
import { callerName, type Grant } from './intent.ts';

/** A request that shows what does not hold. */
export interface Counterexample {
  /** The call in one line: `risk -> execution POST /pkg.Service/Method`. */
  readonly cell: string;
  /** The request in the format of `meshwright decide`. */
  readonly request: RequestJson;
  readonly expected:
    | 'allow'
    | 'deny'
    | 'deny by peer-authentication'
    | 'deny by network-policy'
    | 'deny by egress'
    | 'deny by authorization-policy';
  /** What the concrete evaluator decides. */
  readonly decided: Answer;
  /** How the request differs from the nearest declared call; empty when none is near. */
  readonly differsIn: readonly string[];
  /** The declared grant that is refused, or the one that the request is nearest to. */
  readonly grant: Grant | null;
  /** Which object would have to change. */
  readonly change: string;
  /**
   * What stops the request before the proxy that would let it in.
   * @default - nothing does, or the statement is not about a proxy
   */
  readonly keptOutBy?: Keeper;
}

/** The layer before a proxy that stops a request, with the policy that isolates the pod, and why. */
export type Keeper = Pick<Answer, 'layer' | 'policy' | 'because'>;

/** One destination with its universe and what requests to it mean. */
export interface Site {
  readonly world: World;
  readonly destination: { readonly namespace: string; readonly workload: string; readonly port: number };
  readonly universe: Universe;
  readonly reading: Reading;
}

/** A declared call to measure distances from. */
export interface Anchor {
  readonly grant: Grant;
  readonly assignment: Assignment;
}

/** The cheapest declared call of each grant that has one. */
export function anchorsOf(
  site: Site,
  calls: readonly { readonly grant: Grant; readonly node: Node }[],
): readonly Anchor[] {
  const plain = plainAssignment(site.universe);
  return calls.slice(0, MOST_ANCHORS).flatMap(({ grant, node }) => {
    const found = tryFindCheapest(site.universe, node, plain);
    return found === undefined ? [] : [{ grant, assignment: found.assignment }];
  });
}

const MOST_ANCHORS = 60;

/** A request somewhere in `node`, and the anchor that it is nearest to. */
export interface Found {
  readonly assignment: Assignment;
  readonly nearest: Anchor | null;
}

/** The request of `node` that differs from some anchor in the fewest attributes. */
export function tryFindNearest(site: Site, node: Node, anchors: readonly Anchor[]): Found | undefined {
  let best: (Found & { readonly cost: number }) | undefined;
  for (const anchor of anchors) {
    const found = tryFindCheapest(site.universe, node, anchor.assignment);
    if (found !== undefined && (best === undefined || found.cost < best.cost)) best = { ...found, nearest: anchor };
  }
  if (best !== undefined) return best;
  const found = tryFindCheapest(site.universe, node, plainAssignment(site.universe));
  return found === undefined ? undefined : { assignment: found.assignment, nearest: null };
}

/** The names of the attributes in which two assignments differ. */
export function differences(universe: Universe, left: Assignment, right: Assignment): readonly string[] {
  return universe.attributes
    .filter(({ first, variable }) =>
      variable.levels.some((_, index) => (left[first + index] ?? 0) !== (right[first + index] ?? 0)),
    )
    .map(({ name }) => name);
}

/** The decider of a site's own slice of the mesh. */
export function deciderOf({ world }: Site): Decider {
  return compile(world.mesh, world.profile, { issuerKeys: world.issuerKeys });
}

/** The request of an assignment, parsed as anybody would parse it. */
export function requestOf(
  site: Site,
  assignment: Assignment,
  id: string,
): { readonly json: RequestJson; readonly request: Request } {
  const decoded = decodeRequest(site.universe, assignment, {
    id,
    destination: site.destination,
    reading: site.reading,
  });
  const json = { ...decoded, ...besides(site) };
  const parsed = parseRequest(JSON.parse(JSON.stringify(json)));
  if (!parsed.ok) throw new Error(`a counterexample is no request: ${JSON.stringify(parsed.problems)}`);
  return { json, request: parsed.value };
}

/** A pod that nobody declared stands in no manifests: the request brings it along, so that anybody can decide it. */
function besides({ destination: { namespace, workload } }: Site): RequestJson {
  if (workload !== UNDECLARED) return {};
  return { pods: [{ namespace, name: UNDECLARED, labels: {}, sidecar: 'asNamespaceSays' }] };
}

/**
 * Decides the request concretely and holds it against the symbolic verdict; a mismatch is a bug of the engine and
 * throws. The request's atoms are also those it was made from.
 */
export function confirm(
  site: Site,
  decider: Decider,
  made: { readonly json: RequestJson; readonly request: Request },
  allowed: boolean,
): Answer {
  const { namespace, workload } = site.destination;
  const verdict = decider.forWorkload({ namespace, workload }).decide(made.request);
  if (verdict.allowed !== allowed) {
    throw new Error(
      `the symbolic engine says ${allowed ? 'allow' : 'deny'}, the concrete evaluator does not: ${JSON.stringify(made.json)}`,
    );
  }
  return toAnswer(made.request, verdict);
}

/** What is said of a request that the proxy lets in, where a NetworkPolicy keeps it from the proxy or none does. */
export function keptOut(
  decider: Decider,
  request: Request,
  change: string,
): Pick<Counterexample, 'change' | 'keptOutBy'> {
  const verdict = decider.decide(request);
  if (verdict.allowed || verdict.layer !== 'network-policy') return { change };
  const { layer, policy, because } = toAnswer(request, verdict);
  return {
    change: `${change}; NetworkPolicy stops it before the proxy, as \`decide\` answers`,
    keptOutBy: { layer, policy, because },
  };
}

/** True iff the request of an assignment belongs to `node` when it is read back. */
export function isIn(site: Site, node: Node, request: Request): boolean {
  const atoms = encodeRequest(site.universe, request, site.reading);
  return site.universe.diagrams.evaluate(node, (level) => atoms[level] ?? 0);
}

/** One line for a call: caller, callee, method and path; the port where it is not the one that the intent names. */
export function cellOf(site: Site, json: RequestJson, usualPort: number | null): string {
  const source = json['source'] as { readonly principal: unknown; readonly dnsNames?: readonly string[] };
  const http = json['http'] as { readonly method: string; readonly path: string } | null;
  const port = site.destination.port === usualPort ? '' : `:${site.destination.port}`;
  const call = http === null ? `tcp ${site.destination.port}` : `${http.method} ${http.path}`;
  const shown = source.dnsNames === undefined ? source.principal : [source.principal, ...source.dnsNames].flat();
  return `${callerName(shown, site.world.mesh.config.trustDomain)} -> ${site.destination.workload}${http === null ? '' : port} ${call}`;
}
