/** A request of a change with what both versions say to it, from the concrete evaluator. */

import { type Answer, toAnswer } from '../answer.ts';
import { compile, type Decider } from '../compile.ts';
import { workloadIdentity } from '../identity.ts';
import { decideNaively } from '../naive.ts';
import { parseRequest } from '../parse-request.ts';
import type { Profile } from '../profile.ts';
import type { Request } from '../request.ts';
import { plainAssignment, tryFindCheapest } from '../symbolic/cheapest.ts';
import type { Node } from '../symbolic/diagram.ts';
import { decodeRequest, type RequestJson } from '../symbolic/sample.ts';
import type { Universe } from '../symbolic/universe.ts';
import type { CallerSide, ReachSource } from './callers.ts';
import { siteOf } from './site-check.ts';

/** One request and both verdicts; a verdict names the layer, the policy and the rule that decided. */
export interface ChangeExample {
  /** In the format of `meshwright decide`. */
  readonly request: RequestJson;
  /** Null where caller or callee is not part of that version. */
  readonly before: Answer | null;
  readonly after: Answer | null;
}

/** Some calls of one caller to one port, and which version allows them. */
export interface ExampleCalls {
  readonly source: ReachSource;
  readonly peer: readonly number[];
  readonly atoms: readonly number[];
  readonly node: Node;
  readonly allowedIn: 'before' | 'after';
}

/** Finds examples at one port of two versions. */
export class Examples {
  readonly #universe: Universe;
  readonly #sides: readonly CallerSide[];
  readonly #place: { readonly port: number; readonly profile: Profile };
  readonly #deciders = new Map<CallerSide, Decider>();

  constructor(
    universe: Universe,
    sides: readonly CallerSide[],
    place: { readonly port: number; readonly profile: Profile },
  ) {
    this.#universe = universe;
    this.#sides = sides;
    this.#place = place;
  }

  /**
   * The plainest request of some calls, null when there is none. Both verdicts are the concrete evaluator's; one that
   * contradicts the comparison is a bug of the engine and throws.
   */
  of(calls: ExampleCalls): ChangeExample | null {
    const version = calls.allowedIn === 'before' ? 0 : 1;
    const side = this.#sides[version];
    const peer = this.#universe.attributes.find(({ name }) => name === 'peer');
    if (side === undefined || peer === undefined) return null;
    const base = calls.atoms.length === 0 ? plainAssignment(this.#universe) : calls.atoms;
    const found = tryFindCheapest(this.#universe, calls.node, base);
    if (found === undefined) return null;
    const assignment = found.assignment.toSpliced(peer.first, calls.peer.length, ...calls.peer);
    const { reading } = siteOf(this.#site(side), this.#universe);
    const { namespace, name } = side.workload;
    const destination = { namespace, workload: name, port: this.#place.port };
    const decoded = decodeRequest(this.#universe, assignment, { id: 'example', destination, reading });
    const { source } = calls;
    const request =
      source.kind === 'workload'
        ? { ...decoded, source: { workload: { namespace: source.namespace, name: source.workload } } }
        : decoded;
    const parsed = parseRequest(JSON.parse(JSON.stringify(request)));
    if (!parsed.ok) throw new Error(`an example is no request: ${JSON.stringify(parsed.problems)}`);
    const [before = null, after = null] = this.#sides.map((each) => this.#answer(each, parsed.value, source));
    const [allowing, denying] = version === 0 ? [before, after] : [after, before];
    if (allowing?.verdict === 'allow' && denying?.verdict !== 'allow') return { request, before, after };
    // what workloads may call is compared without their addresses, which rules or NetworkPolicies may look at
    if (source.kind === 'workload' && 'ip' in (decoded['source'] as object)) return null;
    throw new Error(`the comparison and the concrete evaluator disagree on ${JSON.stringify(request)}`);
  }

  #site(side: CallerSide) {
    const mesh = side.index.slice(side.workload.namespace);
    return {
      world: { mesh, profile: this.#place.profile, issuerKeys: new Map() },
      workload: side.workload,
      port: this.#place.port,
    };
  }

  #answer(side: CallerSide, request: Request, source: ReachSource): Answer | null {
    const { workload, index } = side;
    if (workload.name === '') return null;
    if (request.caller.kind !== 'workload') {
      const decider = this.#deciders.get(side) ?? compile(this.#site(side).world.mesh, this.#place.profile);
      this.#deciders.set(side, decider);
      const reference = { namespace: workload.namespace, workload: workload.name };
      return toAnswer(request, decider.forWorkload(reference).decide(request));
    }
    const { reference } = request.caller;
    const mesh = index.between(reference.namespace, workload.namespace);
    // under another account, or in another trust domain, the workload is another caller
    const isThere = mesh.workloads.some(
      (each) =>
        each.namespace === reference.namespace &&
        each.name === reference.workload &&
        source.principal === workloadIdentity(mesh, each),
    );
    if (!isThere) return null;
    return toAnswer(request, decideNaively({ mesh, profile: this.#place.profile, issuerKeys: new Map() }, request));
  }
}
