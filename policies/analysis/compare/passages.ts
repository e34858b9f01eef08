/** The calls that pass a gateway: let in by its policies, sent on by a route, and let in where they arrive. */
import type { Workload } from '../../language/mesh.ts';
import { tokenRulesOf } from '../attachment.ts';
import { workloadIdentity } from '../identity.ts';
import type { Place } from '../routing/destination.ts';
import { meshServerName } from '../routing/rewrite.ts';
import { routeTableOf } from '../routing/route-table.ts';
import type { BoundRoute, Forward } from '../routing/table.ts';
import { ALWAYS, all, type Formula } from '../symbolic/formula.ts';
import { decideAtProxy, type ProxyDecision } from '../symbolic/proxy.ts';
import { pullBack, type Sent } from '../symbolic/pull-back.ts';
import { routedCalls } from '../symbolic/routing.ts';
import { NO_TOKENS, type SymbolicTokenOutcome } from '../symbolic/token.ts';
import { givenHeaders } from '../token-headers.ts';
import type { World } from '../world.ts';
import { wayBetween } from './way.ts';

/** One way through a gateway's port. */
export interface Passage {
  /** The requests to the gateway that go all the way. */
  readonly through: Formula;
  /** What becomes of tokens, where anybody looks at them. */
  readonly token: SymbolicTokenOutcome;
  readonly route: BoundRoute | null;
  readonly forward: Forward;
  /** Where they arrive; null where the manifests know no pod. */
  readonly place: Place | null;
}

/** Every way through a port of a gateway; none where no server of a Gateway listens. */
export function passagesThrough(world: World, gateway: Workload, port: number): readonly Passage[] {
  const table = routeTableOf(world.mesh, gateway, port);
  if (table === null) return [];
  const decision = decideAtProxy({ world, workload: gateway, port, ip: null });
  return routedCalls(table).flatMap(({ when, forwards, route }) =>
    forwards.flatMap((forward) => {
      const entered = all([decision.allowed, when]);
      return endsOf({ world, gateway, decision }, { forward, route }).map(({ place, allowed, token }) => ({
        through: all([entered, allowed]),
        token,
        route,
        forward,
        place,
      }));
    }),
  );
}

interface Entered {
  readonly world: World;
  readonly gateway: Workload;
  readonly decision: ProxyDecision;
}

interface End {
  readonly place: Place | null;
  /** What is let in there, in terms of the request to the gateway. */
  readonly allowed: Formula;
  readonly token: SymbolicTokenOutcome;
}

function endsOf(entered: Entered, sending: Pick<Passage, 'forward' | 'route'>): readonly End[] {
  const { target } = sending.forward;
  if (target.kind === 'nowhere') return [];
  if (target.kind !== 'service' || target.places.length === 0)
    return [{ place: null, allowed: ALWAYS, token: entered.decision.token }];
  return target.places.flatMap((place) => endAt(entered, sending, place));
}

function endAt(
  { world, gateway, decision: own }: Entered,
  { forward, route }: Pick<Passage, 'forward' | 'route'>,
  place: Place,
): readonly End[] {
  const decision = decideAtProxy({ world, ...place, ip: null });
  const way = wayBetween(world.mesh, gateway, { ...place, listener: decision.listener });
  if (way.kind === 'closed') return [];
  // the client's own connection: what is decided there is said of it as it is
  if (forward.by === 'client') return [{ place, allowed: decision.allowed, token: decision.token }];
  const shown = way.shows === 'certificate';
  const rules = tokenRulesOf(world.mesh, gateway);
  const sent: Sent = {
    world,
    identity: shown ? workloadIdentity(world.mesh, gateway) : null,
    sni: shown ? meshServerName(forward, route) : '',
    route,
    forward,
    token: rules.every((rule) => rule.forwardOriginalToken) ? 'kept' : 'removed',
    dropped: givenHeaders(rules),
  };
  const pulled = (formula: Formula) => pullBack(formula, sent);
  const { token } = decision;
  const seen: SymbolicTokenOutcome =
    sent.token === 'removed' || token === NO_TOKENS
      ? own.token
      : {
          ...token,
          hasClaims: pulled(token.hasClaims),
          refused: pulled(token.refused),
          accepted: pulled(token.accepted),
        };
  return [{ place, allowed: pulled(decision.allowed), token: seen }];
}
