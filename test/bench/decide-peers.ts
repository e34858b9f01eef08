/** How fast a request is decided against Cedar and Casbin: the same callers, methods and paths, the same verdicts. */
import { compile, type Request } from '#policies/analysis/index.ts';
import { newRequests, newWorld } from './decide-world.ts';
import { type BenchResult, paired } from './paired.ts';
import { type NotMeasured, notMeasured, type Peer, tryPeer } from './peers.ts';

const RULES = 8;
const REQUESTS = 64;
/**
 * How often all requests are decided in one call of a body: a few milliseconds each, since a short body slips through
 * between two others on a busy machine, and a long one does not.
 */
const TIMES = { ours: 600, cedar: 1, casbin: 10 } as const;

interface Cedar {
  preparsePolicySet(id: string, policies: object): { readonly type: string };
  statefulIsAuthorized(call: object): {
    readonly type: string;
    readonly response?: { readonly decision: 'allow' | 'deny' };
  };
}

interface Casbin {
  newModelFromString(text: string): unknown;
  StringAdapter: new (policy: string) => unknown;
  newEnforcer(model: unknown, adapter: unknown): Promise<{ enforceSync(...values: readonly string[]): boolean }>;
}

/** What all engines are asked: who calls which method of HTTP on which path. */
interface Call {
  readonly principal: string;
  readonly method: string;
  readonly path: string;
}

type Allows = (call: Call) => boolean;

/** Our decision through every layer, with verdict and rule, against the peers' decision of the policies alone. */
export async function benchDecidePeers(): Promise<readonly (BenchResult | NotMeasured)[]> {
  const world = newWorld(RULES);
  const requests = newRequests(RULES, REQUESTS);
  const decider = compile(world.mesh, world.profile);
  const calls = requests.map(callOf);
  const ours = () => {
    for (let time = 0; time < TIMES.ours; time += 1)
      expectVerdicts('meshwright', requests, (request) => decider.decide(request).allowed);
  };
  const against = async (name: string, peer: Peer<Allows> | undefined, ratio: number, times: number) => {
    if (peer === undefined) return notMeasured(`decide, ${RULES} callers: ${name} over all our layers`, name);
    const theirs = () => {
      for (let time = 0; time < times; time += 1) expectVerdicts(peer.title, calls, peer.use);
    };
    return paired(`decide, ${RULES} callers: ${peer.title}, state kept, over all our layers`, ours, theirs, {
      target: { kind: 'atLeast', ratio },
      operations: { a: TIMES.ours * REQUESTS, b: times * REQUESTS },
    });
  };
  return [
    await against('@cedar-policy/cedar-wasm', tryPrepareCedar(), 20, TIMES.cedar),
    await against('casbin', await tryPrepareCasbin(), 50, TIMES.casbin),
  ];
}

/** Decides all, so that no engine gets away with another verdict: one in four asks for another caller's method. */
function expectVerdicts<T>(engine: string, values: readonly T[], allows: (value: T) => boolean): void {
  values.forEach((value, index) => {
    const expected = index % 4 !== 3;
    if (allows(value) !== expected)
      throw new Error(`${engine}, request ${index}: expected ${expected ? 'allow' : 'deny'}`);
  });
}

function callOf({ caller, http }: Request): Call {
  if (caller.kind !== 'mtls' || http === null)
    throw new Error('the requests of the benchmark are HTTP with certificates');
  return { principal: caller.identities[0] ?? '', method: http.method, path: http.path };
}

const callerOf = (rule: number) => `spiffe://td/ns/trading/sa/caller-${rule}`;
const pathsOf = (rule: number) => [`/pkg.Service${rule}/Get`, `/pkg.Service${rule}/Put`];

function tryPrepareCedar(): Peer<Allows> | undefined {
  const peer = tryPeer<Cedar>('@cedar-policy/cedar-wasm', '@cedar-policy/cedar-wasm/nodejs');
  if (peer === undefined) return undefined;
  const { title, use: cedar } = peer;
  const policies = Array.from({ length: RULES }, (_, rule) => {
    const paths = pathsOf(rule).map((path) => JSON.stringify(path));
    return `permit(principal == Caller::"${callerOf(rule)}", action == Action::"POST", resource == Workload::"execution") when { [${paths.join(', ')}].contains(context.path) };`;
  });
  const parsed = cedar.preparsePolicySet('bench', { staticPolicies: policies.join('\n') });
  if (parsed.type !== 'success') throw new Error(`cedar refuses the policies: ${JSON.stringify(parsed)}`);
  const use = ({ principal, method, path }: Call) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: 'Caller', id: principal },
      action: { type: 'Action', id: method },
      resource: { type: 'Workload', id: 'execution' },
      context: { path },
      preparsedPolicySetId: 'bench',
      entities: [],
    });
    if (answer.response === undefined) throw new Error(`cedar answers ${JSON.stringify(answer)}`);
    return answer.response.decision === 'allow';
  };
  return { title, use };
}

const MODEL = `
[request_definition]
r = sub, act, obj
[policy_definition]
p = sub, act, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.act == p.act && r.obj == p.obj
`;

async function tryPrepareCasbin(): Promise<Peer<Allows> | undefined> {
  const peer = tryPeer<Casbin>('casbin');
  if (peer === undefined) return undefined;
  const { title, use: casbin } = peer;
  const lines = Array.from({ length: RULES }, (_, rule) =>
    pathsOf(rule).map((path) => `p, ${callerOf(rule)}, POST, ${path}`),
  ).flat();
  const enforcer = await casbin.newEnforcer(
    casbin.newModelFromString(MODEL),
    new casbin.StringAdapter(lines.join('\n')),
  );
  return { title, use: ({ principal, method, path }) => enforcer.enforceSync(principal, method, path) };
}
