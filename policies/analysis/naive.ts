/**
 * The naive evaluator: decides one request straight from the model, layer by layer in the order of semantics.md 11.
 * It prepares nothing and is the reference that the indexed evaluator is held against. Read this file first, then
 * `naive-proxy.ts`.
 */
import { waysOf } from './ambient/ways.ts';
import { arriveAt } from './connection.ts';
import { decideAtProxy } from './naive-proxy.ts';
import { admits, isolating } from './network.ts';
import type { Request } from './request.ts';
import { routeNaively } from './routing/naive-route.ts';
import { connectionOf, settle } from './routing/outcome.ts';
import { routeTableOf } from './routing/route-table.ts';
import { REFUSALS, VERDICT_CODES, type Verdict } from './verdict.ts';
import { type Call, end, isolatedBy, resolveCall, type World } from './world.ts';

/** Decides one request: the first layer that stops it names the verdict. */
export function decideNaively(world: World, request: Request): Verdict {
  return decideWays(waysOf(resolveCall(world, request)));
}

/** Whoever calls chooses the way: the first that is open, else the first. */
function decideWays(ways: readonly (readonly Call[])[]): Verdict {
  const verdicts = ways.map(decideHops);
  const found = verdicts.find(({ allowed }) => allowed) ?? verdicts[0];
  if (found === undefined) throw new Error('a call has no way');
  return found;
}

/** The first hop that is refused decides, else the first of all: it sees the caller. */
export function decideHops(hops: readonly Call[]): Verdict {
  const verdicts = hops.map(decideHop);
  const found = verdicts.find(({ allowed }) => !allowed) ?? verdicts[0];
  if (found === undefined) throw new Error('a way has no hop');
  return found;
}

function decideHop(call: Call): Verdict {
  return stoppedByEgress(call) ?? stoppedByTransport(call) ?? stoppedByIngress(call) ?? decideBehindTransport(call);
}

/** The caller's NetworkPolicies, then its Sidecar. */
function stoppedByEgress(call: Call): Verdict | undefined {
  const { source, target, request, departure } = call;
  if (source === null) return undefined;
  const policies = isolating(call.world.mesh, source, 'egress');
  const connection = { peer: { workload: target, ip: request.destination.ip }, target, port: portOf(call) };
  if (!admits(call.world.mesh, policies, 'egress', connection))
    return end(call, VERDICT_CODES.networkEgress, isolatedBy(policies));
  return departure.kind === 'blocked'
    ? end(call, VERDICT_CODES.egressHostNotImported, { detail: departure.host })
    : undefined;
}

/** PeerAuthentication and the handshake. */
function stoppedByTransport(call: Call): Verdict | undefined {
  const { listener, source, departure, request, world } = call;
  if (departure.kind === 'blocked') return undefined;
  if (listener.kind === 'unguarded') {
    const insistsOnTls = source !== null && departure.transport.kind !== 'plaintext';
    return insistsOnTls ? end(call, VERDICT_CODES.tlsIntoPlaintext) : undefined;
  }
  const arrival = arriveAt(listener, departure.transport, {
    speaksHttp: request.http !== null,
    config: world.mesh.config,
  });
  return arrival.kind === 'refused' ? end(call, REFUSALS[arrival.because]) : undefined;
}

/** The destination's NetworkPolicies, where the caller is known by workload or address. */
function stoppedByIngress(call: Call): Verdict | undefined {
  const { source, target, request } = call;
  if (source === null && request.sourceIp === null) return undefined;
  const policies = isolating(call.world.mesh, target, 'ingress');
  const connection = { peer: { workload: source, ip: request.sourceIp }, target, port: portOf(call) };
  return admits(call.world.mesh, policies, 'ingress', connection)
    ? undefined
    : end(call, VERDICT_CODES.networkIngress, isolatedBy(policies));
}

/** The port that NetworkPolicies see. */
function portOf({ departure, request }: Call): number {
  return departure.kind === 'sends' ? departure.port : request.destination.port;
}

function decideBehindTransport(call: Call): Verdict {
  const { listener, departure, request, world } = call;
  if (listener.kind === 'unguarded' || departure.kind === 'blocked') {
    return end(call, VERDICT_CODES.allowedUnguarded, { detail: listener.kind === 'unguarded' ? listener.because : '' });
  }
  const arrival = arriveAt(listener, departure.transport, {
    speaksHttp: request.http !== null,
    config: world.mesh.config,
  });
  if (arrival.kind === 'refused') return end(call, REFUSALS[arrival.because]);
  return routed(call, decideAtProxy(call, arrival));
}

/** What a gateway's policies let in still needs a route. */
function routed({ listener, world, target, request }: Call, decided: Verdict): Verdict {
  if (listener.kind !== 'gateway') return decided;
  const table = routeTableOf(world.mesh, target, request.destination.port);
  if (table === null) return decided;
  return settle(routeNaively(table, connectionOf(request, world)), decided, table);
}
