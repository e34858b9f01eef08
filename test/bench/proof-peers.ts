/**
 * How long a proof takes an edge, against an SMT solver and against network-config-analyzer, on the same fleets with
 * the same verdicts. The Z3 encoding is the cheapest that says the same: callers, methods, paths and ports as numbers, no
 * patterns. It is asked two things: whether rules and grants agree, one query a service, which is a part of what we prove;
 * and what our proof says of rules: what is allowed and not declared, what is declared and refused, at the service's port
 * and at any other, with and without the handshake, and of each rule whether it matches and whether it is needed. Ours
 * proves all its obligations each time. The analyzer is asked for the whole relation, a process a question: both start from
 * YAML, both find the declared calls and no others, ours with every identity and all its obligations, the analyzer with the
 * workloads listed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Intent, parseIntent } from '#policies/analysis/compare/intent.ts';
import { verifyIntent } from '#policies/analysis/compare/verify.ts';
import { DEFAULT_PROFILE } from '#policies/analysis/profile.ts';
import { readDocuments } from '#policies/language/document.ts';
import type { Mesh } from '#policies/language/mesh.ts';
import { parseMesh } from '#policies/language/parse.ts';
import { newFleet } from './fleet.ts';
import { type BenchResult, paired } from './paired.ts';
import { type NotMeasured, notMeasured, tryAnalyzer, tryPeer } from './peers.ts';
import { agrees, provesAll, type Solver } from './solver.ts';

const SEED = 7;
/** How often we prove in one call of the body; a peer once. */
const TIMES = 50;
/** The analyzer takes about 5 s for this fleet on two quiet cores. */
const ANALYZER_MS = 60_000;

/** The rows against provers. */
export async function benchProofPeers(): Promise<readonly (BenchResult | NotMeasured)[]> {
  // The analyzer first: it is a process of its own, and nothing that Z3 breaks is its loss.
  return [await againstAnalyzer(), ...(await againstSolver())];
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
  return obligations.every(({ status }) => status === 'proved');
}

function expectProofs(prove: () => boolean): void {
  for (let time = 0; time < TIMES; time += 1) if (!prove()) throw new Error('not proved');
}

/**
 * Z3's binding gives terms back to the solver when they are collected, on this thread, while another one solves: now and
 * then its memory breaks. Here it keeps all terms of a run.
 */
async function withoutFinalizers<T>(init: () => Promise<T>): Promise<T> {
  const original = globalThis.FinalizationRegistry;
  const keeping = class {
    register(): void {}
    unregister(): boolean {
      return false;
    }
  };
  globalThis.FinalizationRegistry = keeping as unknown as typeof FinalizationRegistry;
  try {
    return await init();
  } finally {
    globalThis.FinalizationRegistry = original;
  }
}

async function againstSolver(): Promise<readonly (BenchResult | NotMeasured)[]> {
  // Small, since all queries about 25 services take Z3 minutes a round.
  const fleet = newFleet(8, SEED);
  const what = `proof an edge, 8 services (${fleet.edges} edges)`;
  const peer = tryPeer<Solver>('z3-solver');
  if (peer === undefined) return [notMeasured(`${what}: z3 over ours`, 'z3-solver')];
  const { Context, em } = await withoutFinalizers(() => peer.use.init());
  const z3 = Context('bench');
  const known = read(fleet.yaml, fleet.intent);
  const less = { mesh: known.mesh, intent: { ...known.intent, grants: known.intent.grants.slice(1) } };
  const ours = () => expectProofs(() => isProved(known));
  const operations = { a: fleet.edges * TIMES, b: fleet.edges };
  try {
    for (const proves of [agrees, provesAll])
      if (isProved(less) || (await proves(z3, less))) throw new Error('a call that nobody declared goes unseen');
    const theirs = (proves: typeof agrees) => async () => {
      if (!(await proves(z3, known))) throw new Error('not proved by z3');
    };
    return [
      await paired(`${what}: ${peer.title}, all queries about rules, over ours`, ours, theirs(provesAll), {
        rounds: 3,
        target: { kind: 'atLeast', ratio: 50 },
        operations,
      }),
      await paired(`${what}: ${peer.title}, one query a service, over all of ours`, ours, theirs(agrees), {
        rounds: 5,
        operations,
      }),
    ];
  } finally {
    em.PThread.terminateAllThreads();
  }
}

async function againstAnalyzer(): Promise<BenchResult | NotMeasured> {
  // the analyzer takes principals of no other trust domain
  const domain = (text: string) => text.replaceAll('fleet.local', 'cluster.local');
  const fleet = newFleet(6, SEED);
  const [yaml, intent] = [domain(fleet.yaml), domain(fleet.intent)];
  const what = `from YAML to the answer an edge, 6 services (${fleet.edges} edges)`;
  const peer = tryAnalyzer();
  if (peer === undefined) return notMeasured(`${what}: network-config-analyzer over ours`, 'network-config-analyzer');
  const folder = mkdtempSync(join(tmpdir(), 'mw-bench-nca-'));
  try {
    const file = join(folder, 'fleet.yaml');
    writeFileSync(file, yaml);
    const argv = ['--connectivity', '--resource_list', file];
    const analyze = () =>
      String(execFileSync(peer.use, argv, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], timeout: ANALYZER_MS }));
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
  const lines = tcp.matchAll(/src_pods: \[(.*?)\] dst_ns: \[n0\] dst_pods: \[(.*?)\] conn: \{.*paths:(.*)\}/g);
  const found = [...lines].flatMap(([, from = '', to = '', paths = '']) =>
    podsOf(from).flatMap((source) =>
      podsOf(to).flatMap((target) => paths.split(', ').map((path) => `${source} ${target} ${path}`)),
    ),
  );
  const declared = grants.map(({ caller, callee, http }) => {
    const from = caller.kind === 'identity' ? caller.serviceAccount : caller.kind;
    return `${from} ${callee.kind === 'workload' ? callee.workload : callee.host} ${http?.path}`;
  });
  const [theirs, ours] = [found.toSorted().join('\n'), declared.toSorted().join('\n')];
  if (theirs !== ours) throw new Error(`the analyzer allows\n${theirs}\ndeclared are\n${ours}`);
}

/** The analyzer writes pods with the same connections as one: `app in (service-2,service-5)`. */
const podsOf = (text: string): readonly string[] => /^app in \((.*)\)$/.exec(text)?.[1]?.split(',') ?? [text];
