/** What must come of a cell: what the cluster's current objects decide, and what the intent declares. */
import type { Grant, Intent } from '../../analysis/compare/intent.ts';
import type { LayerName } from '../../analysis/explain/explanation.ts';
import { layersOf } from '../../analysis/explain/layers.ts';
import { situationOf } from '../../analysis/explain/situation.ts';
import { type Answer, compile, type Decider, type Profile, parseRequest, toAnswer } from '../../analysis/index.ts';
import { resolveCall, withPods } from '../../analysis/world.ts';
import type { SourceDocument } from '../../language/document.ts';
import type { Mesh } from '../../language/mesh.ts';
import { type Cell, requestOf } from './cell.ts';
import type { Cause } from './classify.ts';
import { concretePath } from './target.ts';
import { claimsOf } from './user-token.ts';

/** What the objects and the intent say about one cell. */
export interface Expectation {
  readonly decided: Answer;
  /** Every layer that stops the call, each judged on its own, in the order in which a caller behind a sidecar meets them. */
  readonly stoppedBy: readonly LayerName[];
  /** Null without an intent. */
  readonly declared: boolean | null;
}

/** The cause that each layer shows itself as. */
export const CAUSE_OF_LAYER: Readonly<Record<LayerName, Cause>> = {
  'source-network-policy': 'network-policy',
  'egress-guard': 'egress',
  transport: 'mtls',
  'destination-network-policy': 'network-policy',
  codec: 'codec',
  custom: 'rbac',
  'request-authentication': 'jwt',
  deny: 'rbac',
  allow: 'rbac',
  routing: 'unclear',
};

/** A sidecar judges before the network does: what it does not know never leaves the pod. */
const metInOrder: readonly LayerName[] = [
  'codec',
  'egress-guard',
  'source-network-policy',
  'destination-network-policy',
  'transport',
  'custom',
  'request-authentication',
  'deny',
  'allow',
  'routing',
];

/** The objects that cells are judged by. */
export interface Judged {
  readonly mesh: Mesh;
  readonly documents: readonly SourceDocument[];
  readonly profile: Profile;
  readonly intent: Intent | null;
}

/** Judges cells on one state of the cluster. */
export class Expectations {
  readonly #judged: Judged;
  readonly #decider: Decider;

  constructor(judged: Judged) {
    this.#judged = judged;
    this.#decider = compile(judged.mesh, judged.profile);
  }

  /** What must come of the cell. Errors: throws when the cell is no request of this mesh, which is a bug. */
  of(cell: Cell): Expectation {
    const { intent } = this.#judged;
    return this.ofRequest(requestOf(cell), intent === null ? null : isDeclared(intent, cell));
  }

  /** What must come of a request in its JSON form. Errors: throws when it is no request of this mesh, which is a bug. */
  ofRequest(json: unknown, declared: boolean | null): Expectation {
    const request = parseRequest(JSON.parse(JSON.stringify(json)));
    if (!request.ok) throw new Error(request.problems.map(({ message }) => message).join('; '));
    const { mesh, profile, documents } = this.#judged;
    const world = withPods({ mesh, profile, issuerKeys: new Map() }, request.value.pods ?? []);
    const layers = layersOf(situationOf(resolveCall(world, request.value), documents));
    const stops = new Set(layers.filter(({ outcome }) => outcome === 'stops').map(({ layer }) => layer));
    return {
      decided: toAnswer(request.value, this.#decider.decide(request.value)),
      stoppedBy: metInOrder.filter((layer) => stops.has(layer)),
      declared,
    };
  }
}

/**
 * True iff some grant of the intent lets the cell's call happen; where a callee asks anybody for a user, an invalid
 * token is refused from everybody.
 */
function isDeclared(intent: Intent, { caller, target, token }: Cell): boolean {
  const grants = intent.grants.filter(
    ({ callee }) =>
      callee.kind === 'workload' && callee.namespace === target.namespace && callee.workload === target.workload,
  );
  const isInvalid = token === 'expired' || token === 'wrongAudience' || token === 'wrongKey';
  if (isInvalid && grants.some(({ user }) => user !== null)) return false;
  return grants.some(
    (grant) =>
      grant.caller.kind === 'identity' &&
      grant.caller.identity === caller.identity &&
      grant.port === target.port &&
      isOperation(grant, target.http) &&
      isUser(grant, { caller, target, token }),
  );
}

function isOperation({ http }: Grant, asked: Cell['target']['http']): boolean {
  if (http === null) return true;
  return asked !== null && http.method === asked.method && concretePath(http.path) === asked.path;
}

function isUser({ user }: Grant, { target, token }: Cell): boolean {
  if (user === null) return true;
  const claims = target.user === null ? null : claimsOf(target.user, token);
  if (claims === null || claims['iss'] !== user.issuer || !user.audiences.includes(String(claims['aud']))) return false;
  return user.claims.every(({ claim, values }) => values.includes(String(claims[claim] ?? '')));
}
