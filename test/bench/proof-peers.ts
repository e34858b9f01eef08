/**
 * How long a proof takes an edge, against an SMT solver and against network-config-analyzer, on the same fleets with
 * the same verdicts. The Z3 encoding is the cheapest that says the same: callers, methods and paths as numbers, no
 * patterns, tokens or missing identities; ours proves all its obligations. The analyzer knows only the workloads listed and takes a process a question.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Grant, type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import type { Rule } from '#policies/language/authorization.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from './fleet.ts';
import { type BenchResult, paired } from './paired.ts';
import { type NotMeasured, notMeasured, tryAnalyzer, tryPeer } from './peers.ts';

const SEED = 7;
/** How often we prove in one call of the body; a peer once. */
const TIMES = 50;

/** The rows against provers. */
export async function benchProofPeers(): Promise<readonly (BenchResult | NotMeasured)[]> {
  return [await againstSolver(), await againstAnalyzer()];
}

interface Known {
  readonly mesh: Mesh;
  readonly intent: Intent;
}

function read(yaml: string, json: string): Known {
  const mesh = parseMesh(readDocuments('fleet.yaml', yaml).documents);
  const intent = parseIntent(JSON.parse(json), 'intent.json');
  if (!mesh.ok || !intent.ok) throw new Error('the fleet is invalid');
  return { mesh: mesh.value, intent: intent.value };
}

function isProved({ mesh, intent }: Known): boolean {
  const { obligations } = verifyIntent(mesh, intent, { profile: DEFAULT_PROFILE });
  return obligations.find(({ name }) => name === 'allowed-equals-declared')?.status === 'proved';
}

function expectProofs(prove: () => boolean): void {
  for (let time = 0; time < TIMES; time += 1) if (!prove()) throw new Error('not proved');
}

/** As much of z3-solver's context as is used; expressions are opaque. */
interface Z3 {
  readonly Int: { const(name: string): { eq(value: number): unknown } };
  And(...parts: readonly unknown[]): unknown;
  Or(...parts: readonly unknown[]): unknown;
  Xor(left: unknown, right: unknown): unknown;
  readonly Solver: new () => { add(formula: unknown): void; check(): Promise<'sat' | 'unsat' | 'unknown'> };
}

interface Solver {
  init(): Promise<{ Context(name: string): Z3; readonly em: { PThread: { terminateAllThreads(): void } } }>;
}

async function againstSolver(): Promise<BenchResult | NotMeasured> {
  const fleet = newFleet(25, SEED);
  const what = `proof an edge, 25 services (${fleet.edges} edges)`;
  const peer = tryPeer<Solver>('z3-solver');
  if (peer === undefined) return notMeasured(`${what}: z3 over ours`, 'z3-solver');
  const { Context, em } = await peer.use.init();
  const z3 = Context('bench');
  const known = read(fleet.yaml, fleet.intent);
  const less = { mesh: known.mesh, intent: { ...known.intent, grants: known.intent.grants.slice(1) } };
  if (isProved(less) || (await isProvedBy(z3, less))) throw new Error('a call that nobody declared goes unseen');
  try {
    return await paired(
      `${what}: ${peer.title}, one query a service, over ours`,
      () => expectProofs(() => isProved(known)),
      async () => {
        if (!(await isProvedBy(z3, known))) throw new Error('not proved by z3');
      },
      { rounds: 5, target: { kind: 'atLeast', ratio: 50 }, operations: { a: fleet.edges * TIMES, b: fleet.edges } },
    );
  } finally {
    em.PThread.terminateAllThreads();
  }
}

/** Caller, method and path. */
type Triple = readonly [string, string, string];

/** One query for each workload: is there a caller, method and path on which its rules and its grants differ. */
async function isProvedBy(z3: Z3, { mesh, intent }: Known): Promise<boolean> {
  const numbers = new Map<string, number>();
  const numberOf = (text: string) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
  const [caller, method, path] = [z3.Int.const('caller'), z3.Int.const('method'), z3.Int.const('path')];
  const anyOf = (triples: readonly Triple[]) =>
    z3.Or(
      ...triples.map(([who, how, what]) =>
        z3.And(caller.eq(numberOf(who)), method.eq(numberOf(how)), path.eq(numberOf(what))),
      ),
    );
  for (const { namespace, name } of mesh.workloads) {
    const allowed = mesh.authorizationPolicies
      .filter(({ attachment }) => attachment.kind === 'selector' && attachment.labels['app'] === name)
      .flatMap(({ rules }) => rules.flatMap(triplesOf));
    const declared = intent.grants
      .filter(({ callee }) => callee.kind === 'workload' && callee.namespace === namespace && callee.workload === name)
      .map(tripleOf);
    const query = new z3.Solver();
    query.add(z3.Xor(anyOf(allowed), anyOf(declared)));
    if ((await query.check()) !== 'unsat') return false;
  }
  return true;
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

async function againstAnalyzer(): Promise<BenchResult | NotMeasured> {
  // the analyzer takes principals of no other trust domain
  const domain = (text: string) => text.replaceAll('fleet.local', 'cluster.local');
  const fleet = newFleet(4, SEED);
  const [yaml, intent] = [domain(fleet.yaml), domain(fleet.intent)];
  const what = `from YAML to the proof an edge, 4 services (${fleet.edges} edges)`;
  const peer = tryAnalyzer();
  if (peer === undefined) return notMeasured(`${what}: network-config-analyzer over ours`, 'network-config-analyzer');
  const folder = mkdtempSync(join(tmpdir(), 'mw-bench-nca-'));
  try {
    const file = join(folder, 'fleet.yaml');
    writeFileSync(file, yaml);
    const argv = ['--connectivity', '--resource_list', file];
    const analyze = () => String(execFileSync(peer.use, argv, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }));
    return await paired(
      `${what}: ${peer.title}, its process, over ours`,
      () => expectProofs(() => isProved(read(yaml, intent))),
      () => expectSame(analyze(), read(yaml, intent).intent),
      {
        rounds: 3,
        target: { kind: 'atLeast', ratio: 1000 },
        operations: { a: fleet.edges * TIMES, b: fleet.edges },
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The analyzer's lines between workloads are the declared calls, no more and no less. */
function expectSame(answer: string, { grants }: Intent): void {
  const [tcp = ''] = answer.split('For connections of type non-TCP');
  const lines = tcp.matchAll(/src_pods: \[(\S+)\] dst_ns: \[n0\] dst_pods: \[(\S+)\] conn: \{.*paths:(.*)\}/g);
  const found = [...lines].flatMap(([, from, to, paths = '']) =>
    paths.split(', ').map((path) => `${from} ${to} ${path}`),
  );
  const declared = grants.map(({ caller, callee, http }) => {
    const from = caller.kind === 'identity' ? caller.serviceAccount : caller.kind;
    return `${from} ${callee.kind === 'workload' ? callee.workload : callee.host} ${http?.path}`;
  });
  const [theirs, ours] = [found.toSorted().join('\n'), declared.toSorted().join('\n')];
  if (theirs !== ours) throw new Error(`the analyzer allows\n${theirs}\ndeclared are\n${ours}`);
}
