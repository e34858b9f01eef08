/** What a gateway's routes say of a call, and which of them nearly took it. Twin of `../routing/outcome.ts`. */
import { routeNaively } from '../routing/naive-route.ts';
import { tryFindNearestRoute } from '../routing/near-route.ts';
import { type Conclusion, type Connection, connectionOf, nameOf } from '../routing/outcome.ts';
import { routeTableOf } from '../routing/route-table.ts';
import type { BoundRoute, BytesRoute } from '../routing/table.ts';
import type { Place } from './explanation.ts';
import { type Judgement, judge, placeOf } from './judgement.ts';
import type { Situation } from './situation.ts';

/** The routing of a call to a gateway's server; nothing elsewhere. */
export function routing({ call }: Situation): readonly Judgement[] {
  const { listener, world, target, request } = call;
  if (listener.kind !== 'gateway') return [];
  const table = routeTableOf(world.mesh, target, request.destination.port);
  if (table === null) return [];
  const connection = connectionOf(request, world);
  return [judgementOf(routeNaively(table, connection), connection)];
}

function judgementOf(conclusion: Conclusion, { request }: Connection): Judgement {
  const stops = (because: string, place: Place | null = null) => judge('routing', 'stops', because, place);
  switch (conclusion.kind) {
    case 'noChain':
      return stops(`no server of the port takes a connection with SNI \`${conclusion.sni}\``);
    case 'noHost':
      return stops(`no VirtualService serves host \`${conclusion.host}\` on this server: 404`);
    case 'noRoute': {
      const { host } = conclusion;
      const nearest = request === null ? undefined : tryFindNearestRoute(host, request);
      if (nearest === undefined) return stops(`host \`${host.domain}\` has no route: 404`);
      const { route, match, failed } = nearest;
      const because = `no route of host \`${host.domain}\` takes it: 404; the nearest, \`${nameOf(route)}\` (${match}), fails since ${failed.join(' and ')}`;
      return stops(because, routePlace(route));
    }
    case 'redirectsToHttps':
      return stops(`plaintext to host \`${conclusion.host.domain}\` is redirected to HTTPS: 301`);
    case 'answered':
      return stops(
        `the gateway answers ${conclusion.status} itself (${conclusion.by}), and nothing is forwarded`,
        routePlace(conclusion.route),
      );
    case 'nowhere':
      return stops(`the route that takes it leads nowhere: ${conclusion.because}`, routePlace(conclusion.route));
    case 'forwarded': {
      const [first] = conclusion.sendings;
      const hosts = conclusion.sendings.map(({ forward: { target } }) =>
        target.kind === 'service'
          ? `\`${target.service.namespace}/${target.service.name}:${target.port}\``
          : target.kind === 'nowhere'
            ? ''
            : `\`${target.host}:${target.port}\``,
      );
      const because = `forwarded to ${[...new Set(hosts)].join(', ')}`;
      return judge('routing', 'passes', because, first?.route == null ? null : routePlace(first.route));
    }
  }
}

function routePlace(route: BoundRoute | BytesRoute): Place | null {
  const { virtualService, index } = route;
  if (virtualService === null) return null;
  const line = 'route' in route ? route.route.at.line : virtualService.at.line;
  return placeOf('VirtualService', virtualService, { index, line });
}
