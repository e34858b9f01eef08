/** Prepares a mesh for many decisions. */
import type { Mesh } from '../language/mesh.ts';
import { type Problem, problem } from '../language/problem.ts';
import { IndexedDecider } from './indexed/decider.ts';
import { decideNaively } from './naive.ts';
import { DEFAULT_PROFILE, type Profile } from './profile.ts';
import type { Request, WorkloadReference } from './request.ts';
import { type Hop, hopsOf } from './routing/follow.ts';
import type { IssuerKeys } from './token.ts';
import type { Verdict } from './verdict.ts';
import { tryFindWorkload, type World, withPods } from './world.ts';

/** A decision function over all layers, and per workload over what its proxy enforces. */
export interface Decider {
  /** Decides one request through every layer; throws for a workload that `check` reports. */
  decide(request: Request): Verdict;
  /** What becomes of a request that `decide` allowed behind the gateway that it is for; nothing elsewhere. */
  follow(request: Request, verdict: Verdict): readonly Hop[];
  /** The decisions of one workload's proxy; throws when the mesh has no such workload. */
  forWorkload(reference: WorkloadReference): InboundDecider;
  /** The workloads that a request names and the mesh does not have. Errors: `request/unknown-workload`. */
  check(request: Request): readonly Problem[];
}

/**
 * What a workload's own proxy decides: handshake, token and policies. NetworkPolicy and the caller's egress are not its
 * business. The destination's workload is not looked at again, its port is.
 */
export interface InboundDecider {
  decide(request: Request): Verdict;
}

/** What `compile` may know besides the mesh. */
export interface CompileOptions {
  /**
   * Which keys issuers sign with.
   * @default - every issuer signs with a key of the rule that names it
   */
  readonly issuerKeys?: IssuerKeys;
}

/** Prepares `mesh` for decisions under a profile. */
export function compile(mesh: Mesh, profile: Profile = DEFAULT_PROFILE, options: CompileOptions = {}): Decider {
  const world: World = { mesh, profile, issuerKeys: options.issuerKeys ?? new Map() };
  const decider = new IndexedDecider(world);
  const decide = (request: Request) =>
    request.pods === undefined ? decider.decide(request) : decideNaively(withPods(world, request.pods), request);
  return {
    decide,
    follow: (request, { allowed }) =>
      allowed ? hopsOf(request.pods === undefined ? world : withPods(world, request.pods), request, decide) : [],
    forWorkload: ({ namespace, workload }) => {
      const ports = decider.ports(namespace, workload);
      return { decide: (request) => ports.port(request.destination.port).decideAtProxy(request) };
    },
    check: (request) => checkWorkloads(mesh, request),
  };
}

function checkWorkloads(mesh: Mesh, request: Request): readonly Problem[] {
  const named = [{ path: 'destination.workload', reference: request.destination as WorkloadReference }];
  if (request.caller.kind === 'workload') named.push({ path: 'source.workload', reference: request.caller.reference });
  return named
    .filter(({ reference }) => tryFindWorkload(mesh, reference) === undefined && !isAmong(request.pods, reference))
    .map(({ path, reference }) =>
      problem(
        'request/unknown-workload',
        `\`${path}\`: \`${reference.namespace}/${reference.workload}\` is not part of the mesh`,
        { file: 'request', path, line: 1 },
      ),
    );
}

function isAmong(pods: Request['pods'], { namespace, workload }: WorkloadReference): boolean {
  return pods?.some((pod) => pod.namespace === namespace && pod.workload === workload) ?? false;
}
