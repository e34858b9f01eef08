/** Requests on which mutants and the original disagree: few that separate many at once, and the nearest for one. */
import type { Workload } from '../../language/mesh.ts';
import { requestOf, type Site } from '../compare/counterexample.ts';
import { UNDECLARED } from '../compare/destinations.ts';
import { siteOf } from '../compare/site-check.ts';
import { parseRequest } from '../parse-request.ts';
import type { Request } from '../request.ts';
import { type Assignment, plainAssignment, tryFindCheapest } from '../symbolic/cheapest.ts';
import type { Node } from '../symbolic/diagram.ts';
import { encodeRequest, type RequestJson } from '../symbolic/sample.ts';
import type { Callee, Comparison, Way, WayResult } from './callee.ts';

/** A request with the mutants that it tells from the original. */
export interface Witness {
  /** In the format of `meshwright decide`. */
  readonly json: RequestJson;
  readonly request: Request;
  readonly kills: ReadonlySet<number>;
  /**
   * What sending it takes: pods of the manifests, one that nobody declared (`pods` describes it), or a certificate of
   * several SANs, which no pod gets.
   */
  readonly takes: 'ownPods' | 'stranger' | 'madeCertificate';
}

/** Requests to one port that together separate every mutant that any request there separates. */
export function jointWitnesses(callee: Callee, { results }: Comparison): readonly Witness[] {
  const found: Witness[] = [];
  for (const own of Map.groupBy(results, ({ way }) => keyOf(way)).values()) {
    const hit = new Set<number>();
    for (const result of own) {
      for (;;) {
        const open = result.disagreements.filter(({ mutant }) => !hit.has(mutant));
        if (open.length === 0) break;
        for (const order of [open, open.toReversed()]) {
          const witness = witnessIn(callee, result, joined(result, order), own);
          for (const mutant of witness.kills) hit.add(mutant);
          found.push(witness);
        }
      }
    }
  }
  return found;
}

/** The request nearest to an allowed call that tells one mutant from the original; undefined where none does here. */
export function tryFindWitness(callee: Callee, { results }: Comparison, mutant: number): Witness | undefined {
  for (const result of results) {
    const own = result.disagreements.find((each) => each.mutant === mutant);
    if (own !== undefined) return witnessIn(callee, result, own.node, [result]);
  }
  return undefined;
}

/** As many disagreements as can be had in one request, beginning with the first. */
function joined({ universe, disagreements }: WayResult, open: WayResult['disagreements']): Node {
  const { diagrams } = universe;
  const nodes = new Set([...open, ...disagreements].map(({ node }) => node));
  let all = diagrams.always;
  for (const node of nodes) {
    const both = diagrams.and(all, node);
    if (both !== diagrams.never) all = both;
  }
  return all;
}

function witnessIn(callee: Callee, result: WayResult, node: Node, all: readonly WayResult[]): Witness {
  const site = siteOf({ world: callee.world, workload: callee.workload, port: callee.port }, result.universe);
  const { json } = requestOf(site, nearest(result, node), 'probe');
  const strangers = strangersOf(callee.workload, result.way);
  const sent = { ...json, source: sourceOf(result.way, json), ...(strangers.length > 0 ? { pods: strangers } : {}) };
  const parsed = parseRequest(JSON.parse(JSON.stringify(sent)));
  if (!parsed.ok) throw new Error(`a probe is no request: ${JSON.stringify(parsed.problems)}`);
  const request = parsed.value;
  const kills = all.flatMap((each) => disagreeing(each, request, site));
  if (!disagreeing({ ...result, disagreements: [{ mutant: 0, node }] }, request, site).includes(0))
    throw new Error(`a probe is not where it was found: ${JSON.stringify(sent)}`);
  const isMade =
    result.way.kind !== 'workload' && result.universe.attributes.some(({ kind }) => kind === 'certificate');
  const takes = strangers.length > 0 ? 'stranger' : isMade ? 'madeCertificate' : 'ownPods';
  return { json: sent, request, kills: new Set(kills), takes };
}

/** The requests of `node` that differ from an allowed call in the fewest attributes. */
function nearest(result: WayResult, node: Node): Assignment {
  const bases = [...anchorsOf(result), plainAssignment(result.universe)];
  const found = bases.flatMap((base) => tryFindCheapest(result.universe, node, base) ?? []);
  const best = found.toSorted((left, right) => left.cost - right.cost)[0];
  if (best === undefined) throw new Error('a disagreement holds no request');
  return best.assignment;
}

/** The mutants that a request separates, in the universe of one comparison. */
function disagreeing({ universe, disagreements }: WayResult, request: Request, { reading }: Site): readonly number[] {
  const atoms = encodeRequest(universe, request, reading);
  return disagreements
    .filter(({ node }) => universe.diagrams.evaluate(node, (level) => atoms[level] ?? 0))
    .map(({ mutant }) => mutant);
}

function sourceOf(way: Way, json: RequestJson): unknown {
  const { principal, ...addresses } = json['source'] as Readonly<Record<string, unknown>>;
  const source = principal === null ? addresses : { principal, ...addresses };
  // where no block is named any address will do, but there must be one for NetworkPolicy to be asked
  if (way.kind === 'address') return { ip: SOME_ADDRESS, ...source };
  if (way.kind !== 'workload') return source;
  return { ...addresses, workload: { namespace: way.caller.namespace, name: way.caller.name } };
}

const SOME_ADDRESS = '192.0.2.1';

/** The ends that nobody declared, as pods beside the manifests. */
function strangersOf(callee: Workload, way: Way): readonly object[] {
  const ends = [callee, ...(way.kind === 'workload' ? [way.caller] : [])].filter(({ name }) => name === UNDECLARED);
  const namespaces = new Set(ends.map(({ namespace }) => namespace));
  return [...namespaces].map((namespace) => ({ namespace, name: UNDECLARED, labels: {}, sidecar: 'asNamespaceSays' }));
}

const keyOf = (way: Way): string =>
  way.kind === 'workload' ? `workload ${way.caller.namespace}/${way.caller.name}` : way.kind;

const MOST_ANCHORS = 12;

/** Allowed calls of the original, each with another caller, method or path. */
function anchorsOf({ universe, original }: WayResult): readonly Assignment[] {
  const { diagrams } = universe;
  const found: Assignment[] = [];
  let rest = diagrams.and(original, universe.possible());
  while (rest !== diagrams.never && found.length < MOST_ANCHORS) {
    const next = tryFindCheapest(universe, rest, plainAssignment(universe));
    if (next === undefined) break;
    found.push(next.assignment);
    rest = diagrams.minus(rest, cellOf(universe, next.assignment));
  }
  return found;
}

/** All requests with the caller, method and path of an assignment. */
function cellOf({ attributes, diagrams }: WayResult['universe'], assignment: Assignment): Node {
  const levels = attributes
    .filter(({ name }) => name === 'peer' || name === 'method' || name === 'path')
    .flatMap(({ first, variable }) => variable.levels.map((size, index) => ({ level: first + index, size })));
  return diagrams.all(
    levels.map(({ level, size }) => {
      const value = assignment[level] ?? 0;
      const others = Array.from({ length: size - 1 }, (_, index) => index + 1);
      return value === 0
        ? diagrams.node(
            level,
            diagrams.always,
            others,
            others.map(() => diagrams.never),
          )
        : diagrams.node(level, diagrams.never, [value], [diagrams.always]);
    }),
  );
}
