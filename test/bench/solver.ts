/** The questions of a proof as Z3 is asked them: callers, methods, paths and ports are numbers, nothing is a pattern. */
import type { Grant, Intent } from '#policies/analysis/compare/intent.ts';
import type { Rule } from '#policies/language/authorization.ts';
import type { Mesh, Workload } from '#policies/language/mesh.ts';

/** As much of z3-solver's context as is used; expressions are opaque. */
interface Z3 {
  readonly Int: { const(name: string): { eq(value: number): unknown } };
  readonly Bool: { const(name: string): unknown };
  And(...parts: readonly unknown[]): unknown;
  Or(...parts: readonly unknown[]): unknown;
  Xor(left: unknown, right: unknown): unknown;
  Not(part: unknown): unknown;
  readonly Solver: new () => Query;
}

interface Query {
  add(formula: unknown): void;
  push(): void;
  pop(): void;
  check(): Promise<'sat' | 'unsat' | 'unknown'>;
}

/** The module z3-solver. */
export interface Solver {
  init(): Promise<{ Context(name: string): Z3; readonly em: { PThread: { terminateAllThreads(): void } } }>;
}

/** What is asked about. */
interface Known {
  readonly mesh: Mesh;
  readonly intent: Intent;
}

/** Caller, method and path. */
type Triple = readonly [string, string, string];

/** The rules and the grants of one workload. */
interface Calls {
  readonly rules: readonly (readonly Triple[])[];
  readonly grants: readonly Triple[];
}

/** The variables of a request, and the formulas of calls over them. */
class Requests {
  readonly #z3: Z3;
  readonly #numbers = new Map<string, number>();
  readonly #caller;
  readonly #method;
  readonly #path;
  readonly #port;

  constructor(z3: Z3) {
    this.#z3 = z3;
    this.#caller = z3.Int.const('caller');
    this.#method = z3.Int.const('method');
    this.#path = z3.Int.const('path');
    this.#port = z3.Int.const('port');
  }

  anyOf(triples: readonly Triple[]): unknown {
    return this.#z3.Or(
      ...triples.map(([who, how, what]) =>
        this.#z3.And(
          this.#caller.eq(this.#number(who)),
          this.#method.eq(this.#number(how)),
          this.#path.eq(this.#number(what)),
        ),
      ),
    );
  }

  at(port: number): unknown {
    return this.#port.eq(port);
  }

  #number(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }
}

/** One query for each workload: is there a caller, method and path on which its rules and its grants differ. */
export async function agrees(z3: Z3, known: Known): Promise<boolean> {
  const requests = new Requests(z3);
  for (const workload of known.mesh.workloads) {
    const { rules, grants } = callsOf(known, workload);
    const query = new z3.Solver();
    query.add(z3.Xor(requests.anyOf(rules.flat()), requests.anyOf(grants)));
    if ((await query.check()) !== 'unsat') return false;
  }
  return true;
}

/** The port of every service of a fleet, and one that nothing names. */
const PORTS = [8080, 65_000];

/** All that a proof says about rules, one query each, those of a workload on one solver. */
export async function provesAll(z3: Z3, known: Known): Promise<boolean> {
  const requests = new Requests(z3);
  const handshake = z3.And(z3.Bool.const('certificate'), z3.Bool.const('trusted'));
  const isHttp = z3.And(z3.Bool.const('http'), z3.Bool.const('acceptedPath'));
  const noToken = z3.Not(z3.Bool.const('token'));
  for (const workload of known.mesh.workloads) {
    const query = new z3.Solver();
    const is = async (expected: 'sat' | 'unsat', ...formulas: readonly unknown[]) => {
      query.push();
      for (const formula of formulas) query.add(formula);
      const found = await query.check();
      query.pop();
      return found === expected;
    };
    const { rules, grants } = callsOf(known, workload);
    const matches = rules.map((triples) => z3.And(requests.anyOf(triples), requests.at(8080)));
    const unhelped = z3.And(z3.Or(...matches), isHttp);
    const declared = z3.And(requests.anyOf(grants), requests.at(8080), isHttp);
    for (const port of PORTS) {
      const here = requests.at(port);
      if (!(await is('unsat', here, handshake, unhelped, z3.Not(declared)))) return false;
      if (!(await is('unsat', here, unhelped, z3.Not(declared)))) return false;
      if (!(await is('unsat', here, handshake, noToken, declared, z3.Not(unhelped)))) return false;
    }
    for (const [index, own] of matches.entries()) {
      const others = z3.Or(...matches.filter((_, other) => other !== index));
      if (!(await is('sat', handshake, isHttp, own))) return false;
      if (!(await is('sat', handshake, isHttp, own, z3.Not(others)))) return false;
    }
  }
  return true;
}

function callsOf({ mesh, intent }: Known, { namespace, name }: Workload): Calls {
  const policies = mesh.authorizationPolicies.filter(
    ({ attachment }) => attachment.kind === 'selector' && attachment.labels['app'] === name,
  );
  return {
    rules: policies.flatMap(({ rules }) => rules.map(triplesOf)),
    grants: intent.grants
      .filter(({ callee }) => callee.kind === 'workload' && callee.namespace === namespace && callee.workload === name)
      .map(tripleOf),
  };
}

function tripleOf({ caller, http }: Grant): Triple {
  if (caller.kind !== 'identity' || http === null)
    throw new Error('the grants of a fleet are of identities, over HTTP');
  return [caller.identity, http.method, http.path];
}

/** The calls of a rule of the fleet, which names exact callers, methods and paths. */
function triplesOf({ parts }: Rule): readonly Triple[] {
  const texts: Record<string, string[]> = { peer: [], method: [], path: [] };
  for (const clause of parts.flatMap(({ alternatives }) => alternatives.flat()))
    if (clause.on === 'peer' || clause.on === 'method' || clause.on === 'path')
      for (const value of clause.values) {
        const pattern = value.kind === 'principal' ? value.pattern : value;
        if (pattern.kind !== 'exact') throw new Error('the rules of a fleet are exact');
        texts[clause.on]?.push(pattern.value);
      }
  const { peer = [], method = [], path = [] } = texts;
  return peer.flatMap((who) => method.flatMap((how) => path.map((what): Triple => [who, how, what])));
}
