/** Routes that take no request, since earlier ones of the same host take all that they would. */
import type { MeshConfig } from '../../language/mesh.ts';
import type { Profile } from '../profile.ts';
import type { BoundRoute, VirtualHost } from '../routing/table.ts';
import { BudgetExceeded } from './diagram.ts';
import { accepts } from './routing.ts';
import { Universe } from './universe.ts';

/** The routes of a host that take nothing; none where that is not decided. */
export function unreachableRoutes(
  { routes }: VirtualHost,
  config: MeshConfig,
  { repeatedHeaders }: Profile,
): readonly BoundRoute[] {
  const matches = routes.map(accepts);
  try {
    const universe = new Universe(matches, { config, headers: repeatedHeaders, peers: 'single', identities: [] });
    const { diagrams } = universe;
    let left = universe.possible();
    return routes.filter((_, index) => {
      const match = matches[index];
      const own = match === undefined ? diagrams.never : universe.node(match);
      const isUnreachable = diagrams.and(left, own) === diagrams.never;
      left = diagrams.minus(left, own);
      return isUnreachable;
    });
  } catch (error) {
    if (error instanceof BudgetExceeded) return [];
    throw error;
  }
}
