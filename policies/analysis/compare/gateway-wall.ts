/**
 * A gateway's policies as a wall of their own: what they let in beyond the declared is found even where no route carries
 * it, as a NetworkPolicy is judged whatever the other end's says. Only of gateways that ALLOW policies guard.
 */
import type { Mesh } from '../../language/mesh.ts';
import type { Gateway, HttpRoute, VirtualService } from '../../language/traffic.ts';
import { toAnswer } from '../answer.ts';
import { applicable, isGateway } from '../attachment.ts';
import { compile } from '../compile.ts';
import { parseRequest } from '../parse-request.ts';
import { gatewaysOf } from '../routing/servers.ts';
import type { Ledger } from './obligation.ts';
import { RuleAudit } from './rule-audit.ts';
import { checkSite, type Place } from './site-check.ts';

/** True iff rules, and not routes alone, say what a gateway lets in. */
export function guardsItself({ world, workload }: Pick<Place, 'world' | 'workload'>): boolean {
  const { mesh } = world;
  return (
    isGateway(mesh, workload) &&
    applicable(mesh.authorizationPolicies, mesh, workload).some(
      ({ action, enforcement, rules }) => action.kind === 'ALLOW' && enforcement === 'enforced' && rules.length > 0,
    )
  );
}

/** Checks one port; a counterexample is a request that no route carries and that the rules let in. */
export function checkWall(ledger: Ledger, place: Place, identities: () => readonly string[]): void {
  const { workload, port, world } = place;
  const aside = { ...place, world: { ...world, mesh: withEveryRoute(world.mesh, place) } };
  const result = checkSite(aside, identities, new RuleAudit());
  if (result.kind === 'unknown') {
    ledger.unknown = true;
    ledger.notes.add(`\`${workload.namespace}/${workload.name}\` port ${port}: ${result.because}`);
    return;
  }
  if (result.kind !== 'different') return;
  const decider = compile(world.mesh, world.profile, { issuerKeys: world.issuerKeys }).forWorkload({
    namespace: workload.namespace,
    workload: workload.name,
  });
  for (const found of result.counterexamples) {
    if (found.expected !== 'deny') continue;
    const parsed = parseRequest(JSON.parse(JSON.stringify(found.request)));
    if (!parsed.ok) throw new Error('a counterexample is no request');
    const verdict = decider.decide(parsed.value);
    // what a route carries too is no secret of the wall: it stands among what the proxies allow
    if (verdict.layer !== 'routing') continue;
    const decided = toAnswer(parsed.value, verdict);
    ledger.counterexamples.push({ ...found, expected: 'deny by authorization-policy', decided });
  }
}

/** The mesh in which every server of the workload sends on whatever the policies let in. */
function withEveryRoute(mesh: Mesh, { workload }: Place): Mesh {
  const own = new Set(gatewaysOf(mesh, workload));
  const opened = mesh.gateways.map((gateway) => (own.has(gateway) ? everyHost(gateway) : gateway));
  return { ...mesh, gateways: opened, virtualServices: [...own].map(everyRoute) };
}

function everyHost(gateway: Gateway): Gateway {
  return { ...gateway, servers: gateway.servers.map((server) => ({ ...server, hosts: ['*'], httpsRedirect: false })) };
}

const UNCHANGED = { set: {}, add: {}, remove: [] } as const;

function everyRoute({ namespace, name, at, createdAt }: Gateway): VirtualService {
  const destination = { host: 'every.route', port: 80, subset: null, weight: 0 };
  const route: HttpRoute = {
    name: '',
    matches: [],
    destinations: [{ ...destination, requestHeaders: UNCHANGED, responseHeaders: UNCHANGED }],
    timeoutMs: null,
    retries: null,
    requestHeaders: UNCHANGED,
    responseHeaders: UNCHANGED,
    rewrite: { uri: null, authority: null },
    regexRewrite: null,
    answer: null,
    delegate: null,
    mirrors: [],
    abort: null,
    at,
  };
  const gateways = [`${namespace}/${name}`];
  return { namespace, name, at, createdAt, hosts: ['*'], gateways, http: [route], tls: [], tcp: [], exportTo: [] };
}
