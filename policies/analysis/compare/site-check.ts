/** Compares what one port allows with what is declared for it. */
import type { Mesh, Workload } from '../../language/mesh.ts';
import { identityOf, waypointText } from '../ambient/waypoints.ts';
import type { Answer } from '../answer.ts';
import { tokenRulesBefore } from '../enforcement-point.ts';
import type { Listener } from '../listener.ts';
import { BudgetExceeded, type Node } from '../symbolic/diagram.ts';
import type { Effort } from '../symbolic/effort.ts';
import { type Formula, holds, some } from '../symbolic/formula.ts';
import { oneIdentityShowsSurplus } from '../symbolic/one-identity.ts';
import { forSome } from '../symbolic/project.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { Universe } from '../symbolic/universe.ts';
import { pathDomain, type WordDomain } from '../symbolic/word-domain.ts';
import { verifiers } from '../token.ts';
import type { World } from '../world.ts';
import { isShownByTerms } from './by-terms.ts';
import {
  type Anchor,
  anchorsOf,
  type Counterexample,
  cellOf,
  confirm,
  deciderOf,
  differences,
  type Found,
  isIn,
  keptOut,
  requestOf,
  type Site,
  tryFindNearest,
} from './counterexample.ts';
import { type Declared, declared } from './declared.ts';
import type { Grant } from './intent.ts';
import type { RuleAudit } from './rule-audit.ts';

/** One port of one workload in its slice of the mesh, with the grants that name it. */
export interface Place {
  readonly world: World;
  readonly workload: Workload;
  readonly port: number;
  readonly grants: readonly Grant[];
  readonly effort: Effort;
}

/** What comparing one place gave. */
export type SiteResult =
  | (Compared & { readonly kind: 'equal' })
  | (Compared & {
      readonly kind: 'different';
      readonly counterexamples: readonly Counterexample[];
      /** How many more cells differ. */
      readonly more: number;
    })
  | { readonly kind: 'unknown'; readonly because: string };

interface Compared {
  readonly listener: Listener;
  readonly assumptions: readonly string[];
  /** Whether nothing but the handshake keeps some undeclared calls out. */
  readonly leans: 'onHandshake' | 'onNothing';
}

const MOST_CELLS = 60;

/**
 * Proves that the proxy of a place allows exactly what is declared, or shows requests; `identities` gives all known
 * ones, by which counterexamples name callers.
 */
export function checkSite(place: Place, identities: () => readonly string[], audit: RuleAudit): SiteResult {
  try {
    return compareAt(place, identities, audit);
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    audit.leaveOut();
    return { kind: 'unknown', because: error.message };
  }
}

function compareAt(place: Place, identities: () => readonly string[], audit: RuleAudit): SiteResult {
  const decision = decideAtProxy({ ...place, ip: null });
  const passers = passersOn(place.world.mesh, decision);
  const meaning = beside(passers, declared(place.grants, decision.listener, decision.token));
  const { listener } = decision;
  const assumptions = [...decision.assumptions, ...passers.map(({ text }) => text)];
  const isClosed = decision.unhelped.kind === 'never' && decision.rules.every(({ covers }) => covers.kind === 'never');
  if (isClosed && place.grants.length === 0) return { kind: 'equal', listener, assumptions, leans: 'onNothing' };
  if (isShownByTerms(decision, meaning, pathsOf(place.world.mesh))) {
    audit.addNeeded(decision.rules);
    return { kind: 'equal', listener, assumptions, leans: 'onNothing' };
  }
  const first = universeOf(place, decision, { meaning, identities: [] });
  const bounds = compareIn(first, decision, meaning);
  audit.add(first, decision);
  const { leans } = bounds;
  if (bounds.surplus === 0 && bounds.missing === 0) {
    const bounded = leans === 'onNothing' ? decision.unhelped : decision.allowed;
    if (oneIdentityShowsSurplus(bounded, meaning.atMost)) return { kind: 'equal', listener, assumptions, leans };
    return compareSets(place, decision, meaning);
  }
  const each = meaning.each();
  const universe = universeOf(place, decision, { meaning, identities: identities(), each });
  const again = compareIn(universe, decision, meaning);
  const site = siteOf(place, universe);
  const calls = declaredCalls(universe, each);
  const near = calls.map(({ grant, node }) => ({ grant, node: preferServed(universe, node, decision) }));
  const anchors = anchorsOf(site, near);
  const surplus = explain(site, again.surplus, { anchors, expected: 'deny', allowed: true });
  const missing = calls.flatMap(({ grant, node }) => {
    const refused = preferServed(universe, universe.diagrams.and(node, again.missing), decision);
    const own = anchors.filter((anchor) => anchor.grant === grant);
    return explain(site, refused, { anchors: own, expected: 'allow', allowed: false, most: 1 }).counterexamples;
  });
  return {
    kind: 'different',
    listener,
    assumptions,
    leans,
    counterexamples: [...missing, ...surplus.counterexamples],
    more: surplus.more,
  };
}

/**
 * Compares over certificates with any SANs. Only what is allowed beyond the declared is asked: a declared caller shows
 * one identity, as an X.509-SVID does, and need not be let in with more.
 */
function compareSets(place: Place, decision: ProxyDecision, meaning: Declared): SiteResult {
  const { listener, assumptions, allowed, unhelped } = decision;
  const each = meaning.each();
  const universe = universeOf(place, { ...decision, rules: [] }, { meaning, identities: [], each, peers: 'sets' });
  const { diagrams } = universe;
  const possible = universe.possible();
  const beyond = (formula: Formula) =>
    diagrams.and(diagrams.minus(universe.node(formula), universe.node(meaning.atMost)), possible);
  const surplus = beyond(allowed);
  const leans = beyond(unhelped) === diagrams.never ? 'onNothing' : 'onHandshake';
  if (surplus === diagrams.never) return { kind: 'equal', listener, assumptions, leans };
  const site = siteOf(place, universe);
  const anchors = anchorsOf(site, declaredCalls(universe, each));
  const found = explain(site, surplus, { anchors, expected: 'deny', allowed: true });
  return { kind: 'different', listener, assumptions, leans, ...found };
}

const pathsOf = ({ config }: Mesh): WordDomain => pathDomain(config.pathNormalization, 'none');

interface Passer {
  readonly identity: string;
  readonly text: string;
}

/** The waypoints before a port: whatever they pass on they have decided themselves, with the policies that are proved. */
function passersOn(mesh: Mesh, { ways = [] }: ProxyDecision): readonly Passer[] {
  const waypoints = new Set(ways.flatMap(({ waypoint }) => (waypoint === null ? [] : [waypoint])));
  return [...waypoints].map((waypoint) => ({
    identity: identityOf(mesh, waypoint),
    text: `${waypointText(waypoint)} sends on no call but those that its policies allow`,
  }));
}

/** The declared calls, and those of the waypoints themselves. */
function beside(passers: readonly Passer[], meaning: Declared): Declared {
  if (passers.length === 0) return meaning;
  const itself = passers.map(({ identity }) =>
    holds({ on: 'peer', pattern: { kind: 'principal', pattern: { kind: 'exact', value: identity } } }),
  );
  return { ...meaning, atMost: some([meaning.atMost, ...itself]) };
}

function universeOf(
  { world, effort }: Place,
  { allowed, unhelped, rules }: ProxyDecision,
  { meaning, identities, each = [], peers = 'single' }: Considered,
): Universe {
  const formulas = [allowed, unhelped, meaning.atMost, meaning.atLeast];
  for (const { atLeast } of each) formulas.push(atLeast);
  for (const { covers, arrives } of rules) formulas.push(covers, arrives);
  return new Universe(formulas, {
    config: world.mesh.config,
    headers: world.profile.repeatedHeaders,
    peers,
    identities,
    effort,
  });
}

interface Considered {
  readonly meaning: Declared;
  readonly identities: readonly string[];
  /** Grants to be told apart: one within another asks what their meaning together no longer does. @default - none */
  readonly each?: DeclaredCalls;
  /** @default 'single' */
  readonly peers?: 'single' | 'sets';
}

type DeclaredCalls = ReturnType<Declared['each']>;

function declaredCalls(
  universe: Universe,
  each: DeclaredCalls,
): readonly { readonly grant: Grant; readonly node: Node }[] {
  return each.map(({ grant, atLeast }) => ({ grant, node: universe.node(atLeast) }));
}

/** Compares without the help of the handshake first: what holds there holds as deployed. */
function compareIn(
  universe: Universe,
  { allowed, unhelped, listener }: ProxyDecision,
  meaning: Declared,
): { readonly surplus: Node; readonly missing: Node; readonly leans: Compared['leans'] } {
  const { diagrams } = universe;
  const [node, atMost] = [universe.node(allowed), universe.node(meaning.atMost)];
  const unhelpedSurplus = diagrams.minus(universe.node(unhelped), atMost);
  const missing = diagrams.minus(universe.node(meaning.atLeast), reached(universe, node, listener));
  if (unhelpedSurplus === diagrams.never && missing === diagrams.never)
    return { surplus: diagrams.never, missing, leans: 'onNothing' };
  const possible = universe.possible();
  const surplus = diagrams.and(diagrams.minus(node, atMost), possible);
  const leans = diagrams.and(unhelpedSurplus, possible) === diagrams.never ? 'onNothing' : 'onHandshake';
  return { surplus, missing: diagrams.and(missing, possible), leans };
}

/** Of calls to a gateway, those to a host and server that it serves at all, where there are such. */
function preferServed(universe: Universe, calls: Node, { listener, allowed }: ProxyDecision): Node {
  if (listener.kind !== 'gateway') return calls;
  const { diagrams } = universe;
  const served = forSome(universe, universe.node(allowed), (name) => name !== 'host' && name !== 'sni');
  const preferred = diagrams.and(calls, served);
  return preferred === diagrams.never ? calls : preferred;
}

/** Intents name no hosts: a call through a gateway is carried where the routes of some host and server carry it. */
function reached(universe: Universe, node: Node, listener: Listener): Node {
  if (listener.kind !== 'gateway') return node;
  return forSome(universe, node, (name) => name === 'host' || name === 'sni' || name.startsWith('header '));
}

/** The site of a place: its universe, and what requests to it mean. */
export function siteOf({ world, workload, port }: Omit<Place, 'grants' | 'effort'>, universe: Universe): Site {
  const rules = tokenRulesBefore(world.mesh, workload, port);
  return {
    world,
    destination: { namespace: workload.namespace, workload: workload.name, port },
    universe,
    reading: { config: world.mesh.config, profile: world.profile, verifiers: verifiers(rules, world.issuerKeys) },
  };
}

interface Explanation {
  readonly anchors: readonly Anchor[];
  readonly expected: Counterexample['expected'];
  readonly allowed: boolean;
  /** @default 60 */
  readonly most?: number;
}

/** One counterexample for each caller, method and path in `node`, the nearest first. */
function explain(
  site: Site,
  node: Node,
  { anchors, expected, allowed, most = MOST_CELLS }: Explanation,
): { readonly counterexamples: readonly Counterexample[]; readonly more: number } {
  const { diagrams } = site.universe;
  const decider = deciderOf(site);
  const counterexamples: Counterexample[] = [];
  let rest = node;
  while (rest !== diagrams.never && counterexamples.length < most) {
    const found = tryFindNearest(site, rest, anchors);
    if (found === undefined) break;
    const made = requestOf(site, found.assignment, String(counterexamples.length + 1));
    if (!isIn(site, node, made.request))
      throw new Error(`a counterexample is not where it was found: ${JSON.stringify(made.json)}`);
    const decided = confirm(site, decider, made, allowed);
    const change = changeOf(site, { decided, expected });
    const blame = allowed ? keptOut(decider, made.request, change) : { change };
    counterexamples.push(counterexample(site, found, { ...made, decided, expected, blame }));
    rest = diagrams.and(rest, diagrams.not(cellNode(site, found)));
  }
  return { counterexamples, more: rest === diagrams.never || most === 1 ? 0 : 1 };
}

/** The calls with the same caller, method and path; of several SANs the plainest certificate stands for all. */
function cellNode({ universe }: Site, { assignment }: Found): Node {
  const { diagrams } = universe;
  const cell = universe.attributes
    .filter(
      ({ name, kind }) =>
        (name === 'peer' && kind === 'word') || name === 'method' || name === 'path' || name === 'bytes',
    )
    .flatMap(({ first, variable, kind }) => {
      const settled = kind === 'word' && (assignment[first] ?? 0) !== 0;
      return (settled ? variable.levels.slice(0, 1) : variable.levels).map((size, index) => {
        const value = assignment[first + index] ?? 0;
        const others = Array.from({ length: size - 1 }, (_, other) => other + 1);
        return value === 0
          ? diagrams.node(
              first + index,
              diagrams.always,
              others,
              others.map(() => diagrams.never),
            )
          : diagrams.node(first + index, diagrams.never, [value], [diagrams.always]);
      });
    });
  return diagrams.all(cell);
}

function counterexample(
  site: Site,
  { assignment, nearest }: Found,
  made: {
    readonly json: Counterexample['request'];
    readonly decided: Answer;
    readonly expected: Counterexample['expected'];
    readonly blame: Pick<Counterexample, 'change' | 'keptOutBy'>;
  },
): Counterexample {
  return {
    cell: cellOf(site, made.json, nearest?.grant.port ?? null),
    request: made.json,
    expected: made.expected,
    decided: made.decided,
    differsIn: nearest === null ? [] : differences(site.universe, assignment, nearest.assignment),
    grant: nearest?.grant ?? null,
    ...made.blame,
  };
}

function changeOf(site: Site, { decided, expected }: { readonly decided: Answer; readonly expected: string }): string {
  const place = `${site.destination.namespace}/${site.destination.workload}`;
  if (expected !== 'allow') {
    if (decided.policy !== null) return `AuthorizationPolicy \`${decided.policy}\`, rule ${decided.rule}, lets it in`;
    return `no enforced ALLOW policy stops it at \`${place}\``;
  }
  if (decided.policy !== null) return `${decided.layer} \`${decided.policy}\`, rule ${decided.rule}, stops it`;
  return `the ${decided.layer} layer of \`${place}\` does not admit it`;
}
